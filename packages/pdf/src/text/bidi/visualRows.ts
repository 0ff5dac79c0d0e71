import { isRightToLeft } from '../codePoints';
import { maxBaselineOffset } from '../lines/draftLine';
import { kind, type PageCharacters } from '../pageCharacters';

/** Marks above and below letters may be further away. */
const maxMarkOffset = 1;

/** A row of more letters is no line of text. */
const maxLetters = 5_000;

const markPattern = /\p{M}/u;
const ligatureRanges = [
  [0xfbea, 0xfbfb],
  [0xfc00, 0xfd3d],
  [0xfd50, 0xfdfb],
  [0xfef5, 0xfefc],
] as const;

/**
 * Sorts the letters of each row with text from right to left by their places, from left to right. The engine delivers some rows
 * in the order of reading, some in the order of drawing, and some in neither. A mark comes before the letter that it belongs to,
 * because the row is reversed when it is read.
 */
export function sortVisualRows(characters: PageCharacters): void {
  const order: number[] = [];
  let row: number[] = [];
  let isSorted = false;
  const endRow = (): void => {
    if (row.some((index) => characters.isGlyph(index) && isRightToLeft(characters.code[index] as number))) {
      row = sortRow(characters, row);
      isSorted = true;
    }
    for (const index of row) {
      order.push(index);
    }
    row = [];
  };
  let first = -1;
  for (let index = 0; index < characters.count; index++) {
    if (characters.isGlyph(index)) {
      if (first !== -1 && !isSameRow(characters, first, index)) {
        endRow();
        first = index;
      }
      first = first === -1 || isMark(characters.code[first] as number) ? index : first;
    }
    row.push(index);
  }
  endRow();
  if (isSorted) {
    characters.rearrange(order);
  }
}

function isSameRow(characters: PageCharacters, first: number, index: number): boolean {
  const [one, other] = [characters.runAt(first), characters.runAt(index)];
  const offset = Math.abs((characters.baseline[first] as number) - (characters.baseline[index] as number));
  const reach = isMark(characters.code[index] as number) ? maxMarkOffset : maxBaselineOffset;
  return (
    one.direction === other.direction && one.skew === other.skew && offset < reach * Math.min(one.size, other.size)
  );
}

/** Sorts the entries of a row. Spaces that were drawn stay between the letters that they were drawn between. */
function sortRow(characters: PageCharacters, row: readonly number[]): number[] {
  const letters: Letter[] = [];
  const marks: number[] = [];
  const spaceBefore = new Map<number, number>();
  let space = -1;
  let last = -1;
  for (const index of row) {
    if (!characters.isGlyph(index)) {
      space = characters.kind[index] === kind.space ? index : space;
      continue;
    }
    if (space !== -1) {
      spaceBefore.set(index, space);
      space = -1;
    }
    const before = letters.at(-1);
    if (isMark(characters.code[index] as number)) {
      marks.push(index);
    } else if (before !== undefined && hasSameBox(characters, last, index)) {
      before.codes.push(index);
    } else {
      letters.push({ codes: [index], marks: [], isReversed: isReversed(characters, last, index) });
    }
    last = index;
  }
  // In a row that is too long for a line of text, marks are left out: finding their letters would take long.
  for (const mark of letters.length > maxLetters ? [] : marks) {
    letterUnder(characters, letters, mark)?.marks.push(mark);
  }
  const sorted = [...letters].sort(
    (one, other) => (characters.left[one.codes[0] as number] ?? 0) - (characters.left[other.codes[0] as number] ?? 0),
  );
  return sorted.flatMap((letter, at) => {
    const before = sorted[at - 1]?.codes;
    const entries = [...letter.marks.reverse(), ...visualCodes(characters, letter)];
    const drawn = before === undefined ? undefined : spaceBetween(before, letter.codes, spaceBefore);
    return drawn === undefined ? entries : [drawn, ...entries];
  });
}

/** A letter or a ligature, with its marks. */
interface Letter {
  /** The letters of a ligature, as the engine delivers them. */
  codes: number[];
  marks: number[];
  /** True when the engine reversed the text around. */
  isReversed: boolean;
}

/** The drawn space between two letters that were drawn one after the other, in either order. */
function spaceBetween(one: readonly number[], other: readonly number[], before: ReadonlyMap<number, number>) {
  for (const [first, second] of [
    [one, other],
    [other, one],
  ] as const) {
    const space = before.get(second[0] as number);
    if (space !== undefined && space - (first.at(-1) as number) === 1) {
      return space;
    }
  }
  return undefined;
}

/** The letters of a ligature from left to right. */
function visualCodes(characters: PageCharacters, { codes, isReversed: wasReversed }: Letter): number[] {
  const letters = codes.map((index) => String.fromCodePoint(characters.code[index] as number));
  if (codes.length < 2 || !isRightToLeft(characters.code[codes[0] as number] as number)) {
    return codes;
  }
  const isOrdered = ligatures().has(letters.join(''));
  const isBackwards = ligatures().has([...letters].reverse().join(''));
  // Where Unicode has no such ligature, the order is what it was before the engine reversed the text around.
  const isLogical = isOrdered === isBackwards ? !wasReversed : isOrdered;
  return isLogical ? [...codes].reverse() : codes;
}

let knownLigatures: Set<string> | null = null;

/** The letters of all ligatures among the presentation forms of Unicode, in logical order. */
function ligatures(): Set<string> {
  if (knownLigatures === null) {
    knownLigatures = new Set();
    for (const [from, to] of ligatureRanges) {
      for (let code = from; code <= to; code++) {
        knownLigatures.add(String.fromCodePoint(code).normalize('NFKC'));
      }
    }
  }
  return knownLigatures;
}

/** True when two letters of one text object come from right to left. They were drawn from left to right. */
function isReversed(characters: PageCharacters, last: number, index: number): boolean {
  return (
    last !== -1 &&
    characters.run[last] === characters.run[index] &&
    (characters.left[index] as number) < (characters.left[last] as number)
  );
}

function hasSameBox({ left, right, run }: PageCharacters, one: number, other: number): boolean {
  return one !== -1 && left[one] === left[other] && right[one] === right[other] && run[one] === run[other];
}

/** The letter whose middle is nearest to the middle of the mark. */
function letterUnder(characters: PageCharacters, letters: readonly Letter[], mark: number): Letter | undefined {
  const { left, right } = characters;
  const middle = ((left[mark] as number) + (right[mark] as number)) / 2;
  let nearest: Letter | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const letter of letters) {
    const [index = 0] = letter.codes;
    const distance = Math.abs(((left[index] as number) + (right[index] as number)) / 2 - middle);
    if (distance < least) {
      least = distance;
      nearest = letter;
    }
  }
  return nearest;
}

function isMark(code: number): boolean {
  return code >= 0x300 && markPattern.test(String.fromCodePoint(code));
}
