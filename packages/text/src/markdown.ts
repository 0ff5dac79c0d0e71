import MarkdownIt from 'markdown-it';
import { readHtml } from './html';
import type { Piece } from './types';

type Token = ReturnType<MarkdownIt['parse']>[number];

const parser = new MarkdownIt({ html: true });

/** Facts about the document that some put before it, between lines of three dashes. */
const frontMatter = /^---[ \t]*\r?\n([\s\S]*?)\r?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/;

/** Reads Markdown (CommonMark with tables). @returns the first heading of the first level. */
export function* readMarkdown(source: string): Generator<Piece, string | null> {
  const [front = '', facts = ''] = frontMatter.exec(source) ?? [];
  for (const text of facts.split('\n')) {
    yield { text };
  }
  let title: string | null = null;
  const lists: (number | null)[] = [];
  let marker = '';
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
        lists.push(null);
        break;
      case 'ordered_list_open':
        lists.push(Number(token.attrGet('start') ?? 1));
        break;
      case 'bullet_list_close':
      case 'ordered_list_close':
        lists.pop();
        break;
      case 'list_item_open':
        marker = nextMarker(lists);
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
          yield { text: marker + text };
          marker = '';
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
            yield { text: marker + line };
            marker = '';
          }
        }
        break;
      }
    }
  }
  return title;
}

/** The words of a paragraph; a line break that is meant as one is kept. */
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

function nextMarker(lists: (number | null)[]): string {
  const number = lists.at(-1) ?? null;
  if (number === null) {
    return '• ';
  }
  lists[lists.length - 1] = number + 1;
  return `${number}. `;
}
