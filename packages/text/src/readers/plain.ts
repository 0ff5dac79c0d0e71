import { splitText } from '../splitText';
import { maxPieceLength, type Piece } from '../types';
import { cueTextOf, cueTimesOf } from './cues';

const lineEnd = /\r\n|[\n\u0085\u2028\u2029]|\r(?!$)|\f/gu;
const listItem = /^\s*(?:[-*•·▪◦–—]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s/iu;
/** The number of a subtitle, after the text of the one before. */
const lastNumber = / (\d{1,6})$/u;
/** Two texts with a tab or at least three spaces between them are columns. */
const columns = /\S(?:\t| {3,})\S/u;

/**
 * Reads plain text. An empty line ends a paragraph. The lines of a paragraph are joined, because they were only broken to
 * fit a width. List items and rows of columns stay separate. A subtitle is one paragraph with its number and its times. A
 * form feed ends a page.
 */
export function* readPlain(texts: Iterable<string>): Generator<Piece, null> {
  let paragraph = '';
  /** How many lines the paragraph has. */
  let count = 0;
  let isAfterRow = false;
  let isCue = false;
  for (const line of linesOf(texts)) {
    const times = cueTimesOf(line);
    const isBreak = line === '\f' || line.trim() === '';
    const isRow = !isCue && times === null && columns.test(line);
    const next = isCue && times !== null ? lastNumber.exec(paragraph) : null;
    if (next !== null) {
      // No empty line divides the two subtitles.
      yield { text: paragraph.slice(0, next.index) };
      paragraph = next[1] ?? '';
    } else if (paragraph !== '' && (isBreak || paragraph.length >= maxPieceLength - 1 || endsBefore())) {
      yield { text: paragraph };
      paragraph = '';
      count = 0;
    }
    isCue = !isBreak && (isCue || times !== null);
    if (line === '\f') {
      yield 'page break';
    } else if (!isBreak) {
      const text = times ?? (isCue ? cueTextOf(line) : isRow ? line.trim().replace(/\t+| {3,}/gu, '\t') : line.trim());
      paragraph = join(paragraph, text);
      count++;
    }
    isAfterRow = isRow;

    /** True when the line does not continue the paragraph. A subtitle begins with its number, or another name, and its times. */
    function endsBefore(): boolean {
      return times === null ? !isCue && (isRow || isAfterRow || listItem.test(line)) : count > 1;
    }
  }
  if (paragraph !== '') {
    yield { text: paragraph };
  }
  return null;
}

/** Joins two lines of a paragraph. A soft hyphen at the end of the first divides a word. */
function join(before: string, text: string): string {
  return before === '' || before.endsWith('\u00AD') ? before + text : `${before} ${text}`;
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
