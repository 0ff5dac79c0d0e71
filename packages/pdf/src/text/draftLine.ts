import type { PageCharacters, Run } from './characters';
import type { Direction } from './geometry';

/** Gaps, in font sizes: beyond this two words stand in different cells of a row. */
export const cellGap = 1.5;
/** This may be a gutter between columns, the narrowest of which are as wide as a letter is high. */
export const gutterGap = 0.9;

/** A stretch of a line between gaps that are wide enough to be a gutter between columns. */
export interface Cell {
  /** Where it stands in the line's text; one separator stands between it and the next. */
  from: number;
  to: number;
  a0: number;
  a1: number;
  /** Size of most of its characters. */
  size: number;
  bold: boolean;
}

/** A line being put together: `text` is empty until it is finished. Extents as in PageCharacters. */
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
  /** The line's cells in the order of its text; none when it is all one. */
  cells: Cell[];
}

/** Text that runs upwards, downwards or upside down is left alone where lines are put in order. */
export function isUpright({ direction }: DraftLine): boolean {
  return direction === 0;
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
    cells: [],
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
  const separator = gap > cellGap * line.mainSize ? '\t' : ' ';
  before.cells = mergeCells(before, line, gap);
  before.text = `${line.text}${separator}${before.text}`;
  before.bold &&= line.bold;
  before.a0 = line.a0;
  before.c0 = Math.min(before.c0, line.c0);
  before.c1 = Math.max(before.c1, line.c1);
  return true;
}

/** The cells of two lines of which `line` comes to stand before `before`, with one separator between them. */
function mergeCells(before: DraftLine, line: DraftLine, gap: number): Cell[] {
  const shift = line.text.length + 1;
  const cells = [...cellsOf(line)];
  for (const cell of cellsOf(before)) {
    const moved = { ...cell, from: cell.from + shift, to: cell.to + shift };
    const last = cells.at(-1);
    if (cell.from === 0 && last !== undefined && gap < gutterGap * line.mainSize) {
      const { size } = cell.to - cell.from > last.to - last.from ? cell : last;
      cells[cells.length - 1] = { ...last, to: moved.to, a1: moved.a1, size, bold: last.bold && moved.bold };
    } else {
      cells.push(moved);
    }
  }
  return cells.length > 1 ? cells : [];
}

/** The cells of a finished line: itself when it is all one. */
export function cellsOf(line: DraftLine): readonly Cell[] {
  const { text, a0, a1, size, bold } = line;
  return line.cells.length > 0 ? line.cells : [{ from: 0, to: text.length, a0, a1, size, bold }];
}
