/** What a character does in a line with text from right to left. */
type Kind = 'right' | 'left' | 'digit' | 'neutral';

const rightPattern = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\u200f]/u;
const arabicPattern = /\p{Script=Arabic}/u;
const digitPattern = /\p{Nd}/u;
const letterPattern = /\p{L}/u;
const markPattern = /\p{M}/u;
/** Characters that stay in a number when they are between two digits. */
const inNumber: ReadonlySet<string> = new Set([...'.,:/\u066b\u066c']);
const besideNumber: ReadonlySet<string> = new Set([...'$€£¥₪']);
const presentationForm = /[\ufb1d-\ufdff\ufe70-\ufefc]+/gu;
const mirrored: ReadonlyMap<string, string> = new Map(
  ['()', '[]', '{}', '<>', '«»'].flatMap(([open = '', close = '']) => [
    [open, close],
    [close, open],
  ]),
);
const opening: ReadonlySet<string> = new Set([...'([{<«']);

/**
 * True when a line with this text, from left to right as it is shown, is read from the right: at least half of its letters are
 * of such a script, or it begins and ends with such a letter.
 */
export function isReadFromRight(text: string, isPageFromRight: boolean): boolean {
  let right = 0;
  let left = 0;
  let first: Kind = 'neutral';
  let last: Kind = 'neutral';
  for (const character of text) {
    const kind = kindOf(character);
    right += kind === 'right' ? 1 : 0;
    left += kind === 'left' ? 1 : 0;
    last = kind === 'right' || kind === 'left' ? kind : last;
    first = first === 'neutral' ? last : first;
  }
  return right > 0 && (right >= left || (last === 'right' && (isPageFromRight || first === 'right')));
}

/**
 * Puts the characters of a line, which are in order from left to right as they are shown, in the order of reading. It undoes
 * what the bidirectional algorithm (Unicode Standard Annex 9) does to show them. Presentation forms become ordinary letters.
 * @param isFromRight Whether the line as a whole is read from the right.
 */
export function logicalOrder(visual: string, isFromRight: boolean): string {
  const characters = [...visual];
  const isLeftToRight = levelsOf(characters, isFromRight);
  const parts: string[][] = [];
  for (let from = 0, to = 0; from < characters.length; from = to) {
    while (to < characters.length && isLeftToRight[to] === isLeftToRight[from]) {
      to++;
    }
    const part = characters.slice(from, to);
    parts.push(isLeftToRight[from] === true ? part : withBrackets(part.reverse()));
  }
  const ordered = isFromRight ? parts.reverse() : parts;
  return ordered.flat().join('').replace(presentationForm, ordinaryLetters);
}

/** For each character, whether it is in a part that runs from left to right. */
function levelsOf(characters: readonly string[], isFromRight: boolean): boolean[] {
  const kinds = characters.map(kindOf);
  joinNumbers(characters, kinds);
  const levels = kinds.map((kind) => kind === 'left' || kind === 'digit');
  for (let at = 0; at < kinds.length; at++) {
    if (kinds[at] !== 'neutral') {
      continue;
    }
    let end = at;
    while (kinds[end] === 'neutral') {
      end++;
    }
    const level = levelBetween({ before: kinds[at - 1], after: kinds[end] }, isFromRight);
    // A wide gap divides a line into parts of their own.
    const isDivided = characters.slice(at, end).includes('\t');
    levels.fill(isDivided ? !isFromRight : level, at, end);
    at = end - 1;
  }
  return levels;
}

/** What is between two parts: it belongs to them if both run in one direction, and to the line otherwise. */
function levelBetween(sides: { before: Kind | undefined; after: Kind | undefined }, isFromRight: boolean): boolean {
  const { before, after } = sides;
  if (isFromRight) {
    // Two numbers beside each other are read from the right. Latin words and their numbers are not.
    return (before === 'left' && (after === 'left' || after === 'digit')) || (before === 'digit' && after === 'left');
  }
  return !(before === 'right' && after === 'right');
}

/** Makes separators within numbers, and the signs of currencies and percent at them, parts of the numbers. */
function joinNumbers(characters: readonly string[], kinds: Kind[]): void {
  const hasArabic = characters.some((character) => arabicPattern.test(character));
  for (const [at, character] of characters.entries()) {
    if (kinds[at] !== 'neutral') {
      continue;
    }
    const [before, after] = [kinds[at - 1], kinds[at + 1]];
    const isBetween = before === 'digit' && after === 'digit';
    // In Arabic text, the parts of "050-12" are shown from right to left; in Hebrew text, from left to right.
    const isSeparator = inNumber.has(character) || (character === '-' && !hasArabic);
    if (
      (isBetween && isSeparator) ||
      ((character === '%' || character === '٪') && before === 'digit') ||
      (besideNumber.has(character) && (before === 'digit' || after === 'digit'))
    ) {
      kinds[at] = 'digit';
    }
  }
}

function kindOf(character: string): Kind {
  if (digitPattern.test(character)) {
    return 'digit';
  }
  if (rightPattern.test(character)) {
    return letterPattern.test(character) || markPattern.test(character) ? 'right' : 'neutral';
  }
  return letterPattern.test(character) ? 'left' : 'neutral';
}

/** Some producers store brackets as they are shown, others as they are read. In the order of reading, the first one opens. */
function withBrackets(part: string[]): string[] {
  const first = part.find((character) => mirrored.has(character));
  if (first === undefined || opening.has(first) || !part.some((character) => opening.has(character))) {
    return part;
  }
  return part.map((character) => mirrored.get(character) ?? character);
}

/** The letters that presentation forms stand for. Forms of marks stand on a space, which is left out. */
function ordinaryLetters(forms: string): string {
  return forms.normalize('NFKC').replaceAll(' ', '');
}
