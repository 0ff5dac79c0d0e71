import type { Piece } from './gutters';

/** A line is full when it reaches so far across its column. */
const fullWidth = 0.75;
/** Characters in a line, on average, of the narrowest columns; ideographs count twice. */
const minCharacters = 20;
/** At most this part of the lines have cells of their own. */
const maxCellShare = 0.2;

/** The least parts: of lines that are full, of lines that go on with a sentence, of letters among what is visible. */
interface Shares {
  full: number;
  goingOn: number;
  letters: number;
}

/** A column with formulas, program text or a list of sources has as much. Of tables, hardly one has half of it. */
const ofEach: Shares = { full: 0.35, goingOn: 0.2, letters: 0.65 };
/** Cells and entries end anywhere and begin with a capital; figures and dotted lines are no letters. */
const ofAll: Shares = { full: 0.6, goingOn: 0.3, letters: 0.75 };

const visibleCharacter = /\S/gu;
const letter = /[\p{L}\p{M}]/gu;
const wideCharacter = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
const goesOn = /^["'“‘(]*[\p{Ll}\p{Lo}]/u;

/** True when nothing speaks against the column being one of prose. */
export function mayBeProse(column: readonly Piece[]): boolean {
  return hasShape(shapeOf(column), ofEach) && hasWords(wordsOf(column), ofEach);
}

/** True when the columns together are sentences that run on from line to line, and each may be. */
export function areProse(columns: readonly (readonly Piece[])[]): boolean {
  return (
    columns.every(mayBeProse) &&
    hasShape(sumOf(columns.map(shapeOf)), ofAll) &&
    hasWords(sumOf(columns.map(wordsOf)), ofAll)
  );
}

/** How many lines there are, and of what kind. */
function shapeOf(column: readonly Piece[]) {
  const width = widthOf(column);
  const shape = { lines: column.length, full: 0, goingOn: 0, withCells: 0 };
  for (const { text, a0, a1, cellCount } of column) {
    shape.full += a1 - a0 >= fullWidth * width ? 1 : 0;
    shape.goingOn += goesOn.test(text) ? 1 : 0;
    shape.withCells += cellCount > 1 ? 1 : 0;
  }
  return shape;
}

function hasShape({ lines, full, goingOn, withCells }: ReturnType<typeof shapeOf>, shares: Shares): boolean {
  return full >= shares.full * lines && goingOn >= shares.goingOn * lines && withCells <= maxCellShare * lines;
}

/** How many characters there are, and of what kind. */
function wordsOf(column: readonly Piece[]) {
  const words = { lines: column.length, visible: 0, letters: 0, wide: 0 };
  for (const { text } of column) {
    words.visible += countOf(text, visibleCharacter);
    words.letters += countOf(text, letter);
    words.wide += countOf(text, wideCharacter);
  }
  return words;
}

function hasWords({ lines, visible, letters, wide }: ReturnType<typeof wordsOf>, shares: Shares): boolean {
  return visible + wide >= minCharacters * lines && letters >= shares.letters * visible;
}

function sumOf<T extends Record<string, number>>(counts: readonly T[]): T {
  const names = Object.keys(counts[0] ?? {});
  const sums = names.map((name) => [name, counts.reduce((sum, each) => sum + (each[name] ?? 0), 0)]);
  return Object.fromEntries(sums) as T;
}

/** From the column's left edge to its right one, in points. */
export function widthOf(column: readonly Piece[]): number {
  let left = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  for (const { a0, a1 } of column) {
    left = Math.min(left, a0);
    right = Math.max(right, a1);
  }
  return right - left;
}

function countOf(text: string, characters: RegExp): number {
  return text.match(characters)?.length ?? 0;
}
