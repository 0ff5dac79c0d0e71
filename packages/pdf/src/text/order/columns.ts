import { type Cell, cellsOf, type DraftLine, gutterGap } from '../lines/draftLine';

/** The part of a line that is in one column. */
export interface Piece {
  /** The index of its line. */
  line: number;
  /** The range of the piece in the line's text. */
  from: number;
  to: number;
  text: string;
  left: number;
  right: number;
  baseline: number;
  size: number;
  bold: boolean;
  cellCount: number;
}

/**
 * Finds the columns of the lines, from left to right. Columns are separated by gutters that none of the lines reaches into. The
 * pieces of each column are in the order in which they were drawn.
 */
export function columnsOf(lines: readonly DraftLine[], indices: readonly number[]): Piece[][] {
  const pieces: Piece[] = [];
  for (const index of indices) {
    const line = lines[index] as DraftLine;
    const { text, baseline } = line;
    for (const { from, to, left, right, size, bold } of separableCells(line)) {
      pieces.push({ line: index, from, to, text, left, right, baseline, size, bold, cellCount: 1 });
    }
  }
  pieces.sort((one, other) => one.left - other.left || one.line - other.line);
  const columns: Piece[][] = [];
  let reached = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    if (piece.left - reached > gutterGap * (lines[piece.line] as DraftLine).mainSize) {
      columns.push([]);
    }
    reached = Math.max(reached, piece.right);
    columns.at(-1)?.push(piece);
  }
  return columns.map(joinPieces);
}

/** Joins the pieces of each line and sorts them in the order in which they were drawn. The longest piece gives the size. */
function joinPieces(pieces: Piece[]): Piece[] {
  pieces.sort((one, other) => one.line - other.line || one.from - other.from);
  const joined: Piece[] = [];
  let longest = 0;
  for (const piece of pieces) {
    const before = joined.at(-1);
    const length = piece.to - piece.from;
    if (before?.line === piece.line) {
      before.to = piece.to;
      before.left = Math.min(before.left, piece.left);
      before.right = Math.max(before.right, piece.right);
      before.bold &&= piece.bold;
      before.cellCount++;
      before.size = length > longest ? piece.size : before.size;
      longest = Math.max(length, longest);
    } else {
      joined.push(piece);
      longest = length;
    }
  }
  for (const piece of joined) {
    piece.text = piece.text.slice(piece.from, piece.to);
  }
  return joined;
}

/** The cells of a line. A line whose cells are not in the order of its text is one cell. */
export function separableCells(line: DraftLine): readonly Cell[] {
  const cells = cellsOf(line);
  if (cells.length === 1) {
    return cells;
  }
  const isInOrder = cells.every((cell, at) => {
    const before = cells[at - 1];
    return before === undefined || (line.rightToLeft ? cell.right <= before.left : cell.left >= before.right);
  });
  return isInOrder ? cells : cellsOf({ ...line, cells: [] });
}

/** The width of a column, in points. */
export function widthOf(column: readonly Piece[]): number {
  let left = Number.POSITIVE_INFINITY;
  let right = Number.NEGATIVE_INFINITY;
  for (const piece of column) {
    left = Math.min(left, piece.left);
    right = Math.max(right, piece.right);
  }
  return right - left;
}
