import type { Direction, PageCharacters, Run } from '../pageCharacters';

/** A wider gap, in font sizes, separates the cells of a row. */
export const cellGap = 1.5;
/** A wider gap may be a gutter between columns. The narrowest gutters are about as wide as a letter is high. */
export const gutterGap = 0.9;

/** Parts of one line or row have baselines at most this far apart, in font sizes. */
export const maxBaselineOffset = 0.35;

/** A part of a line between gaps that may be gutters. */
export interface Cell {
  /** The range of the cell in the line's text. One separator is between it and the next cell. */
  from: number;
  to: number;
  left: number;
  right: number;
  /** The size of most characters. */
  size: number;
  bold: boolean;
}

/** A line that is being built. Its text is empty until it is finished. Places are in the frame of the text, see PageCharacters. */
export interface DraftLine {
  text: string;
  direction: Direction;
  /** The rest of the angle, see Run. */
  skew: number;
  /** The range of its entries in the page's characters. */
  from: number;
  to: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  baseline: number;
  /** The size of the largest characters. The baseline is theirs. */
  mainSize: number;
  /** The size of most characters. */
  size: number;
  bold: boolean;
  rightToLeft: boolean;
  /** True when the last character is a hyphen that splits a word between this line and the next. */
  splitsWord: boolean;
  /** The cells in the order of the text. Empty when the line is one cell. */
  cells: Cell[];
}

/** True when both lines run at the same angle. Their places can then be compared. */
export function haveSameAngle(one: DraftLine, other: DraftLine): boolean {
  return one.direction === other.direction && one.skew === other.skew;
}

/** Returns a line that begins with the character at `index` and has no text yet. */
export function startLine(source: PageCharacters, index: number): DraftLine {
  const { size, direction, skew } = source.runs[source.run[index] as number] as Run;
  return {
    text: '',
    direction,
    skew,
    from: index,
    to: index,
    left: source.left[index] ?? 0,
    right: source.right[index] ?? 0,
    top: source.top[index] ?? 0,
    bottom: source.bottom[index] ?? 0,
    baseline: source.baseline[index] ?? 0,
    mainSize: size,
    size,
    bold: false,
    rightToLeft: false,
    splitsWord: false,
    cells: [],
  };
}

/** The cells of a finished line. A line of one cell is its own cell. */
export function cellsOf(line: DraftLine): readonly Cell[] {
  const { text, left, right, size, bold } = line;
  return line.cells.length > 0 ? line.cells : [{ from: 0, to: text.length, left, right, size, bold }];
}
