import type { DraftLine } from './draftLine';

/** First parts after which a hyphen at the end of a line belongs to the word more often than not. */
const compoundParts = new Set(
  (
    'all co cross day ex first fair five four full half high ill in industry inter intra large last long lower low ' +
    'market medium mid month multi net new nine non off on one over out part per point post pre quarter re risk ' +
    'second self semi seven short single six small so state tax ten third three time two up us well wide year'
  ).split(' '),
);

/** From one base line to the next, in font sizes; beyond this something else begins. Double spacing is 2.3. */
const maxLinePitch = 2.6;

const lastWord = /(\S+)-$/u;
const firstWord = /^\s*(\S+)(\s+|$)/u;

/**
 * Puts words back together that a hyphen splits at the end of a line: the rest of the word moves up, and the hyphen
 * goes unless it belongs to the word. Changes `lines`; a line that loses all its text keeps none.
 */
export function joinHyphens(lines: DraftLine[]): void {
  let compounds: Set<string> | null = null;
  for (let index = 0; index < lines.length - 1; index++) {
    const line = lines[index];
    const next = lines[index + 1];
    if (line === undefined || next === undefined || !line.splitsWord || line.direction !== next.direction) {
      continue;
    }
    const [, head = ''] = lastWord.exec(line.text) ?? [];
    const [whole = '', tail = ''] = firstWord.exec(next.text) ?? [];
    if (head === '' || tail === '') {
      continue;
    }
    if (!/^\p{Ll}/u.test(tail) && !standsBelow(line, next)) {
      // A page number or a heading that comes next, and not the rest of the word.
      continue;
    }
    compounds ??= compoundsOf(lines);
    const keep = belongsToWord(head, tail, compounds);
    line.text = keep ? line.text + tail : line.text.slice(0, -1) + tail;
    next.text = next.text.slice(whole.length);
    if (next.text === '' && next.splitsWord) {
      line.splitsWord = false;
    }
  }
}

/** True when `next` is the line directly below: only a word's rest in small letters may stand elsewhere (a new column). */
function standsBelow(line: DraftLine, next: DraftLine): boolean {
  const distance = next.base - line.base;
  const alike = Math.abs(next.size - line.size) < 0.1 * line.size;
  return alike && distance > 0 && distance < maxLinePitch * line.size && next.a0 < line.a1 && next.a1 > line.a0;
}

function belongsToWord(head: string, tail: string, compounds: Set<string>): boolean {
  const first = head.replace(/^[^\p{L}\p{N}]+/u, '');
  const second = tail.replace(/[^\p{L}\p{N}]+$/u, '');
  // Soft hyphens split small letters from small letters: "Coca-Cola", "10-K" and "COVID-19" keep theirs.
  if (!/\p{Ll}$/u.test(first) || !/^\p{Ll}/u.test(second)) {
    return true;
  }
  return (
    first.includes('-') || compoundParts.has(first.toLowerCase()) || compounds.has(`${first}-${second}`.toLowerCase())
  );
}

/** The words with a hyphen inside that the page spells out elsewhere. */
function compoundsOf(lines: readonly DraftLine[]): Set<string> {
  const found = new Set<string>();
  for (const { text } of lines) {
    if (text.includes('-')) {
      for (const [word] of text.matchAll(/\p{L}+-\p{L}+/gu)) {
        found.add(word.toLowerCase());
      }
    }
  }
  return found;
}
