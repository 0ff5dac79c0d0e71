import { type Cell, cellGap, cellsOf, type DraftLine, gutterGap, haveSameAngle, maxBaselineOffset } from './draftLine';
import { wordGap } from './separator';

/**
 * Adds `line` to the left end of `before` when both are cells of one row: `line` was drawn later but is to the left on the same
 * baseline. Returns whether it did.
 */
export function mergeRow(before: DraftLine, line: DraftLine): boolean {
  const isOneRow =
    haveSameAngle(before, line) &&
    Math.abs(before.baseline - line.baseline) < maxBaselineOffset * Math.min(before.mainSize, line.mainSize);
  const gap = before.left - line.right;
  if (!isOneRow || gap < 0 || before.rightToLeft || line.rightToLeft) {
    return false;
  }
  const separator = separatorOf(gap / line.mainSize);
  before.cells = mergeCells(before, line, gap, separator);
  before.text = `${line.text}${separator}${before.text}`;
  before.to = line.to;
  before.bold &&= line.bold;
  before.left = line.left;
  before.top = Math.min(before.top, line.top);
  before.bottom = Math.max(before.bottom, line.bottom);
  return true;
}

function separatorOf(gap: number): string {
  if (gap > cellGap) {
    return '\t';
  }
  return gap > wordGap ? ' ' : '';
}

/** The cells of the text of `line`, the separator and the text of `before`. */
function mergeCells(before: DraftLine, line: DraftLine, gap: number, separator: string): Cell[] {
  const shift = line.text.length + separator.length;
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
