import { type Piece, widthOf } from './columns';

/** A line is full when its width is at least this part of its column's. */
const fullWidth = 0.75;
/** The characters in an average line of the narrowest columns. An ideograph counts twice. */
const minCharacters = 20;
/** At most this part of the lines have several cells. */
const maxCellShare = 0.2;

/** The smallest shares of prose: full lines, lines that continue a sentence, and letters among the visible characters. */
interface Shares {
  full: number;
  continuing: number;
  letters: number;
}

/** Columns with formulas, program text or references reach these shares. Hardly any column of a table reaches half of them. */
const sharesOfEach: Shares = { full: 0.35, continuing: 0.2, letters: 0.65 };
/** Cells and entries end anywhere and begin with a capital. Figures and dotted lines are not letters. */
const sharesOfAll: Shares = { full: 0.6, continuing: 0.3, letters: 0.75 };

const visibleCharacter = /\S/gu;
const letter = /[\p{L}\p{M}]/gu;
const wideCharacter = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;
/** A small letter, or a letter of a script without capitals. */
const sentenceContinues = /^["'“‘(]*[\p{Ll}\p{Lo}]/u;

/** True when the column may be prose. */
export function mayBeProse(column: readonly Piece[]): boolean {
  return hasShape(shapeOf(column), sharesOfEach) && hasWords(wordsOf(column), sharesOfEach);
}

/** True when each column may be prose, and together they are sentences that continue from line to line. */
export function areProse(columns: readonly (readonly Piece[])[]): boolean {
  return (
    columns.every(mayBeProse) &&
    hasShape(sumOf(columns.map(shapeOf)), sharesOfAll) &&
    hasWords(sumOf(columns.map(wordsOf)), sharesOfAll)
  );
}

/** Counts of lines, by kind. */
function shapeOf(column: readonly Piece[]) {
  const width = widthOf(column);
  const shape = { lines: column.length, full: 0, continuing: 0, withCells: 0 };
  for (const { text, left, right, cellCount } of column) {
    shape.full += right - left >= fullWidth * width ? 1 : 0;
    shape.continuing += sentenceContinues.test(text) ? 1 : 0;
    shape.withCells += cellCount > 1 ? 1 : 0;
  }
  return shape;
}

function hasShape({ lines, full, continuing, withCells }: ReturnType<typeof shapeOf>, shares: Shares): boolean {
  return full >= shares.full * lines && continuing >= shares.continuing * lines && withCells <= maxCellShare * lines;
}

/** Counts of characters, by kind. */
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

function countOf(text: string, characters: RegExp): number {
  return text.match(characters)?.length ?? 0;
}
