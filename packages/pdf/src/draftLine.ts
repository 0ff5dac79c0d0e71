import type { PageCharacters, Run } from './characters';
import type { Direction } from './geometry';

/** Gaps, in font sizes: beyond this two words stand in different cells of a row. */
export const CELL_GAP = 1.5;

/** A line being put together: `text` is in `units` until it is finished. Extents as in PageCharacters. */
export interface DraftLine {
  text: string;
  direction: Direction;
  a0: number;
  a1: number;
  c0: number;
  c1: number;
  base: number;
  /** Size of the largest characters: they carry the base line. */
  mainSize: number;
  /** Size of most characters. */
  size: number;
  bold: boolean;
  rightToLeft: boolean;
  /** The last character is a hyphen that splits a word, which goes on in the next line. */
  splitsWord: boolean;
}

/** A line that begins with the character at `index`; it has no text yet. */
export function startLine(source: PageCharacters, index: number): DraftLine {
  const { size, direction } = source.runs[source.run[index] as number] as Run;
  return {
    text: '',
    direction,
    a0: source.a0[index] ?? 0,
    a1: source.a1[index] ?? 0,
    c0: source.c0[index] ?? 0,
    c1: source.c1[index] ?? 0,
    base: source.base[index] ?? 0,
    mainSize: size,
    size,
    bold: false,
    rightToLeft: false,
    splitsWord: false,
  };
}

/** Adds `line` to `before` when it was drawn later but stands to the left on the same base line: cells of one row. */
export function mergeRow(before: DraftLine, line: DraftLine): boolean {
  const onBase =
    before.direction === line.direction &&
    Math.abs(before.base - line.base) < 0.35 * Math.min(before.mainSize, line.mainSize);
  const gap = before.a0 - line.a1;
  if (!onBase || gap < 0 || before.rightToLeft || line.rightToLeft) {
    return false;
  }
  const separator = gap > CELL_GAP * line.mainSize ? '\t' : ' ';
  before.text = `${line.text}${separator}${before.text}`;
  before.bold &&= line.bold;
  before.a0 = line.a0;
  before.c0 = Math.min(before.c0, line.c0);
  before.c1 = Math.max(before.c1, line.c1);
  return true;
}
