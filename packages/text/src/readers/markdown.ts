import type { Piece } from '../types';
import { splitFrontMatter } from './frontMatter';
import { readHtml } from './html/readHtml';
import { withoutComments } from './htmlComments';
import { ListMarkers } from './listMarkers';
import { parseMarkdown, type Token } from './markdownParser';

/** Reads Markdown (CommonMark with tables). A form feed ends a page. Returns the first heading of level 1 as the title. */
export function* readMarkdown(source: string): Generator<Piece, string | null> {
  let title: string | null = null;
  for (const piece of piecesOf(source.replace(/\r\n?/gu, '\n'))) {
    if (piece !== 'page break' && 'text' in piece && piece.headingLevel === 1 && piece.text.trim() !== '') {
      title ??= piece.text;
    }
    yield piece;
  }
  return title;
}

function* piecesOf(source: string): Generator<Piece> {
  const { metadata, document } = splitFrontMatter(source);
  for (const text of metadata) {
    yield { text };
  }
  const [text, pageBreaks] = separatePageBreaks(document);
  const markers = new ListMarkers();
  let level: number | undefined;
  let cells: string[] | null = null;
  for (const token of withoutComments(parseMarkdown(text))) {
    switch (token.type) {
      case 'heading_open':
        level = Number(token.tag.slice(1));
        break;
      case 'heading_close':
        level = undefined;
        break;
      case 'bullet_list_open':
        markers.openList(null);
        break;
      case 'ordered_list_open':
        markers.openList(Number(token.attrGet('start') ?? 1));
        break;
      case 'bullet_list_close':
      case 'ordered_list_close':
        markers.closeList();
        break;
      case 'list_item_open':
        markers.startItem();
        break;
      case 'list_item_close':
        markers.endItem();
        break;
      case 'tr_open':
        cells = [];
        break;
      case 'tr_close':
        yield { cells: cells ?? [] };
        cells = null;
        break;
      case 'fence':
      case 'code_block':
        for (const line of token.content.split('\n')) {
          yield line === '\f' ? 'page break' : { code: line.trim() === '' ? '' : markers.take() + line };
        }
        yield { code: '' };
        break;
      case 'html_block':
        yield* readHtml([token.content]);
        break;
      case 'inline': {
        if (pageBreaks.has(token.map?.[0] ?? -1)) {
          yield 'page break';
          break;
        }
        const text = textOf(token.children ?? []);
        if (cells !== null) {
          cells.push(text.replace(/\s+/gu, ' '));
        } else if (level !== undefined) {
          yield { text: text.replace(/\s+/gu, ' '), headingLevel: level };
        } else {
          for (const line of text.split('\n')) {
            yield { text: markers.take() + line };
          }
        }
        break;
      }
    }
  }
}

/** Puts each form feed on a line of its own, between empty lines. Returns the text and the numbers of these lines. */
function separatePageBreaks(source: string): [text: string, lines: ReadonlySet<number>] {
  if (!source.includes('\f')) {
    return [source, new Set()];
  }
  const text = source.replaceAll('\f', '\n\n\f\n\n');
  const lines = text.split('\n').flatMap((line, index) => (line === '\f' ? [index] : []));
  return [text, new Set(lines)];
}

/** The text of a paragraph. A hard line break is kept; a soft one becomes a space. */
function textOf(tokens: readonly Token[]): string {
  let text = '';
  for (const token of tokens) {
    if (token.type === 'softbreak') {
      text += ' ';
    } else if (token.type === 'hardbreak' || (token.type === 'html_inline' && /^<br\b/i.test(token.content))) {
      text += '\n';
    } else if (token.type !== 'html_inline') {
      text += token.type === 'image' ? textOf(token.children ?? []) : token.content;
    }
  }
  return text;
}
