import { type Cell, cellGap, cellsOf, type DraftLine, gutterGap } from './draftLine';

/** Lines of one row have baselines at most this far apart, in font sizes. */
const maxBaselineOffset = 0.35;

/**
 * Adds `line` to the left end of `before` when both are cells of one row: `line` was drawn later but is to the left on the same
 * baseline. Returns whether it did.
 */
export function mergeRow(before: DraftLine, line: DraftLine): boolean {
  const isOneRow =
    before.direction === line.direction &&
    Math.abs(before.baseline - line.baseline) < maxBaselineOffset * Math.min(before.mainSize, line.mainSize);
  const gap = before.left - line.right;
  if (!isOneRow || gap < 0 || before.rightToLeft || line.rightToLeft) {
    return false;
  }
  const separator = gap > cellGap * line.mainSize ? '\t' : ' ';
  before.cells = mergeCells(before, line, gap);
  before.text = `${line.text}${separator}${before.text}`;
  before.bold &&= line.bold;
  before.left = line.left;
  before.top = Math.min(before.top, line.top);
  before.bottom = Math.max(before.bottom, line.bottom);
  return true;
}

/** The cells of the text of `line`, one separator and the text of `before`. */
function mergeCells(before: DraftLine, line: DraftLine, gap: number): Cell[] {
  const shift = line.text.length + 1;
  const cells = [...cellsOf(line)];
  for (const cell of cellsOf(before)) {
    const moved = { ...cell, from: cell.from + shift, to: cell.to + shift };
    const last = cells.at(-1);
    if (cell.from === 0 && last !== undefined && gap < gutterGap * line.mainSize) {
      const { size } = cell.to - cell.from > last.to - last.from ? cell : last;
      cells[cells.length - 1] = { ...last, to: moved.to, right: moved.right, size, bold: last.bold && moved.bold };
    } else {
      cells.push(moved);
    }
  }
  return cells.length > 1 ? cells : [];
}
