import { splitText } from '../splitText';
import { maxPieceLength, type Piece } from '../types';

const lineEnd = /\r\n|[\n\u0085\u2028\u2029]|\r(?!$)|\f/gu;
const listItem = /^\s*(?:[-*•·▪◦–—]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s/iu;
/** Two texts with a tab or at least three spaces between them are columns. */
const columns = /\S(?:\t| {3,})\S/u;

/**
 * Reads plain text. An empty line ends a paragraph. The lines of a paragraph are joined, because they were only broken to
 * fit a width. List items and rows of columns stay separate. A form feed ends a page.
 */
export function* readPlain(texts: Iterable<string>): Generator<Piece, null> {
  let paragraph = '';
  let isAfterRow = false;
  for (const line of linesOf(texts)) {
    const isBreak = line === '\f' || line.trim() === '';
    const isRow = columns.test(line);
    // A paragraph of the full length was cut, perhaps within a word.
    const isSeparate = isRow || isAfterRow || listItem.test(line) || paragraph.length >= maxPieceLength - 1;
    if (paragraph !== '' && (isBreak || isSeparate)) {
      yield { text: paragraph };
      paragraph = '';
    }
    if (line === '\f') {
      yield 'page break';
    } else if (!isBreak) {
      const text = isRow ? line.trim().replace(/\t+| {3,}/gu, '\t') : line.trim();
      paragraph += paragraph === '' ? text : ` ${text}`;
    }
    isAfterRow = isRow;
  }
  if (paragraph !== '') {
    yield { text: paragraph };
  }
  return null;
}

/** The lines without their ends. A form feed is a line of its own. A line that is too long is split. */
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
    if (rest.length > maxPieceLength) {
      const parts = [...splitText(rest)];
      rest = parts.pop() ?? '';
      yield* parts;
    }
  }
  yield rest.replace(/\r$/, '');
}
