import MarkdownIt from 'markdown-it';
import type { Piece } from '../types';
import { readHtml } from './html';
import { ListMarkers } from './listMarkers';

type Token = ReturnType<MarkdownIt['parse']>[number];

const parser = new MarkdownIt({ html: true });

/** Metadata before the document, between lines of three dashes. */
const frontMatter = /^---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Reads Markdown (CommonMark with tables). Returns the first heading of level 1 as the title. */
export function* readMarkdown(source: string): Generator<Piece, string | null> {
  const [front = '', metadata = ''] = frontMatter.exec(source) ?? [];
  for (const text of metadata.split('\n')) {
    yield { text };
  }
  let title: string | null = null;
  const markers = new ListMarkers();
  let level: number | undefined;
  let cells: string[] | null = null;
  for (const token of parser.parse(source.slice(front.length), {})) {
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
      case 'tr_open':
        cells = [];
        break;
      case 'tr_close':
        yield { text: (cells ?? []).join('\t') };
        cells = null;
        break;
      case 'fence':
      case 'code_block':
        for (const text of token.content.split('\n')) {
          yield { text: markers.take() + text };
        }
        break;
      case 'html_block':
        yield* readHtml([token.content]);
        break;
      case 'inline': {
        const text = textOf(token.children ?? []);
        if (cells !== null) {
          cells.push(text.replace(/\s+/gu, ' '));
        } else if (level !== undefined) {
          const heading = text.replace(/\s+/gu, ' ');
          title ??= level === 1 ? heading : null;
          yield { text: heading, headingLevel: level };
        } else {
          for (const line of text.split('\n')) {
            yield { text: markers.take() + line };
          }
        }
        break;
      }
    }
  }
  return title;
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
