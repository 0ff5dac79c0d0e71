import { isReadFromRight, logicalOrder } from '../bidi/logicalOrder';
import { type Cell, cellsOf, type DraftLine } from './draftLine';

const latinLetter = /\p{Script=Latin}/u;

/**
 * Puts the text of a line, which is in order from left to right, in the order of reading. A line that is read from the right
 * has its cells in that order, too; so has a row of numbers on a page of such text.
 */
export function readFromRight(line: DraftLine, isPageFromRight: boolean): void {
  const isRowOfNumbers = isPageFromRight && line.cells.length > 1 && !latinLetter.test(line.text);
  if (!line.rightToLeft && !isRowOfNumbers) {
    return;
  }
  const { text } = line;
  const isFromRight = isRowOfNumbers || isReadFromRight(text, isPageFromRight);
  line.rightToLeft = isFromRight;
  line.splitsWord &&= !isFromRight;
  const cells = [...cellsOf(line)];
  const separators = cells.slice(1).map(({ from }) => text.slice(from - 1, from));
  if (isFromRight) {
    cells.reverse();
    separators.reverse();
  }
  let ordered = '';
  const moved: Cell[] = [];
  for (const [at, cell] of cells.entries()) {
    ordered += at === 0 ? '' : separators[at - 1];
    const part = logicalOrder(text.slice(cell.from, cell.to), isFromRight);
    moved.push({ ...cell, from: ordered.length, to: ordered.length + part.length });
    ordered += part;
  }
  line.text = ordered;
  line.cells = line.cells.length > 0 ? moved : [];
}
