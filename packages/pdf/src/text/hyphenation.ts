import { type DraftLine, haveSameAngle } from './lines/draftLine';

/** First parts of compounds. After them, a hyphen at the end of a line belongs to the word more often than not. */
const compoundParts = new Set(
  (
    'all co cross day ex first fair five four full half high ill in industry inter intra large last long lower low ' +
    'market medium mid month multi net new nine non off on one over out part per point post pre quarter re risk ' +
    'second self semi seven short single six small so state tax ten third three time two up well wide year'
  ).split(' '),
);

/** The next line of a text is at most this far below, in font sizes. Double spacing is 2.3. */
const maxLinePitch = 2.6;

const lastWord = /(\S+)-$/u;
const firstWord = /^\s*(\S+)(\s+|$)/u;

/**
 * Joins words that a hyphen splits at the end of a line. The rest of the word moves to the first line, and the hyphen is removed
 * unless it belongs to the word. The lines are changed in place; a line that loses all its text stays, with an empty text.
 */
export function joinHyphens(lines: DraftLine[]): void {
  let known: Set<string> | null = null;
  for (let index = 0; index < lines.length - 1; index++) {
    const line = lines[index];
    const next = lines[index + 1];
    if (line === undefined || next === undefined || !line.splitsWord || !haveSameAngle(line, next)) {
      continue;
    }
    const [, head = ''] = lastWord.exec(line.text) ?? [];
    const [whole = '', tail = ''] = firstWord.exec(next.text) ?? [];
    if (head === '' || tail === '') {
      continue;
    }
    if (!/^\p{Ll}/u.test(tail) && !isNextLine(line, next)) {
      // A page number or a heading follows, not the rest of the word.
      continue;
    }
    known ??= wordsOf(lines);
    const keepsHyphen = belongsToWord(head, tail, known);
    line.text = keepsHyphen ? line.text + tail : line.text.slice(0, -1) + tail;
    next.text = next.text.slice(whole.length);
    if (next.text === '' && next.splitsWord) {
      line.splitsWord = false;
    }
  }
}

/** True when `next` is directly below `line`, in the same size. The rest of a word may also be elsewhere, in a new column. */
function isNextLine(line: DraftLine, next: DraftLine): boolean {
  const pitch = next.baseline - line.baseline;
  const hasSameSize = Math.abs(next.size - line.size) < 0.1 * line.size;
  return (
    hasSameSize && pitch > 0 && pitch < maxLinePitch * line.size && next.left < line.right && next.right > line.left
  );
}

function belongsToWord(head: string, tail: string, known: Set<string>): boolean {
  const first = head.replace(/^[^\p{L}\p{N}]+/u, '');
  const second = tail.replace(/[^\p{L}\p{N}]+$/u, '');
  // A line break splits words between small letters. "Coca-Cola", "10-K" and "COVID-19" keep their hyphens.
  if (!/\p{Ll}$/u.test(first) || !/^\p{Ll}/u.test(second)) {
    return true;
  }
  if (known.has(`${first}-${second}`.toLowerCase())) {
    return true;
  }
  return (
    first.includes('-') || (compoundParts.has(first.toLowerCase()) && !known.has(`${first}${second}`.toLowerCase()))
  );
}

/** The words of the page, in small letters. Compounds with a hyphen are words, too. */
function wordsOf(lines: readonly DraftLine[]): Set<string> {
  const found = new Set<string>();
  for (const { text } of lines) {
    for (const [word] of text.matchAll(/\p{L}+(?:-\p{L}+)*/gu)) {
      found.add(word.toLowerCase());
    }
  }
  return found;
}
