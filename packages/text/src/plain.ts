import { cut } from './pages';
import { maxPiece, type Piece } from './types';

const lineEnd = /\r\n|[\n\u0085\u2028\u2029]|\r(?!$)|\f/gu;
/** A line that stands for itself: a list item, or columns. */
const marked = /^\s*(?:[-*•·▪◦–—]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s/iu;
const tabColumns = /\S(?:\t| {3,})\S/u;

/**
 * Reads plain text: paragraphs end at an empty line; the lines of one are joined, as they were only broken to fit, but
 * for list items and rows of columns. Form feeds end pages.
 */
export function* readPlain(texts: Iterable<string>): Generator<Piece, null> {
  let paragraph = '';
  let isRow = false;
  for (const line of linesOf(texts)) {
    const ends = line === '\f' || line.trim() === '';
    const row = tabColumns.test(line);
    // A paragraph this long has been cut, maybe within a word.
    const standsAlone = row || isRow || marked.test(line) || paragraph.length >= maxPiece - 1;
    if (paragraph !== '' && (ends || standsAlone)) {
      yield { text: paragraph };
      paragraph = '';
    }
    if (line === '\f') {
      yield 'page break';
    } else if (!ends) {
      const text = row ? line.trim().replace(/\t+| {3,}/gu, '\t') : line.trim();
      paragraph += paragraph === '' ? text : ` ${text}`;
    }
    isRow = row;
  }
  if (paragraph !== '') {
    yield { text: paragraph };
  }
  return null;
}

/** Lines without their ends; a form feed is one of its own. What never ends is cut. */
function* linesOf(texts: Iterable<string>): Generator<string> {
  let rest = '';
  for (const text of texts) {
    rest += text;
    let from = 0;
    for (const { 0: end, index } of rest.matchAll(lineEnd)) {
      yield rest.slice(from, index);
      if (end === '\f') {
        yield end;
      }
      from = index + end.length;
    }
    rest = rest.slice(from);
    if (rest.length > maxPiece) {
      const parts = [...cut(rest)];
      rest = parts.pop() ?? '';
      yield* parts;
    }
  }
  yield rest.replace(/\r$/, '');
}
