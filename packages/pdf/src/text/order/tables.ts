import { type Piece, widthOf } from './columns';
import { isAfterBlank } from './whiteSpace';

/** A line is full when its width is at least this part of the column's. Characters differ in width, and so do full lines. */
const fullWidth = 0.95;
/** In a table, more than this part of the paragraphs begin side by side. In columns, some do by chance. */
const tableShare = 2 / 3;
const sentenceEnd = /[.!?:;。！？：；؟]["'”’)\]]*$/u;
const smallStart = /^["'“‘(]*\p{Ll}/u;

/** True when most paragraphs begin side by side in neighbouring columns: they are cells of a table's rows. */
export function isTable(columns: readonly (readonly Piece[])[]): boolean {
  return columns.some((column, at) => {
    const next = columns[at + 1];
    if (next === undefined) {
      return false;
    }
    const [starts, others] = [startsOf(column), startsOf(next)];
    const beside = countBeside(starts.certain, others.possible) + countBeside(others.certain, starts.possible);
    return beside > tableShare * (starts.certain.length + others.certain.length);
  });
}

/** How many of the pieces have one of `others` on their baseline. Both are from the top down. */
function countBeside(pieces: readonly Piece[], others: readonly Piece[]): number {
  let count = 0;
  let at = 0;
  for (const { baseline, size } of pieces) {
    while ((others[at]?.baseline ?? Number.POSITIVE_INFINITY) < baseline - 0.5 * size) {
      at++;
    }
    count += (others[at]?.baseline ?? Number.POSITIVE_INFINITY) < baseline + 0.5 * size ? 1 : 0;
  }
  return count;
}

/** The pieces that begin a paragraph or a cell, from the top down, without the first of the column. */
interface Starts {
  certain: Piece[];
  /** Also the pieces that may begin one. When the last line of a cell is full, its end does not show. */
  possible: Piece[];
}

function startsOf(pieces: readonly Piece[]): Starts {
  const column = [...pieces].sort((one, other) => one.baseline - other.baseline);
  const width = widthOf(column);
  const distances = column
    .map(({ baseline }, index) => baseline - (column[index - 1]?.baseline ?? baseline))
    .sort((a, b) => a - b);
  const pitch = distances[distances.length >> 1] ?? 0;
  const starts: Starts = { certain: [], possible: [] };
  for (const [index, piece] of column.entries()) {
    const before = column[index - 1];
    if (before === undefined) {
      continue;
    }
    const isCertain = isAfterBlank(before, piece, pitch) || isAfterShortLine(before, piece, width);
    if (isCertain) {
      starts.certain.push(piece);
    }
    if (isCertain || (sentenceEnd.test(before.text) && !smallStart.test(piece.text))) {
      starts.possible.push(piece);
    }
  }
  return starts;
}

/** True when the line before ends so early that the first word of `piece` would have fitted into it. */
function isAfterShortLine(before: Piece, piece: Piece, width: number): boolean {
  const used = before.right - before.left;
  const characterWidth = used / Math.max(1, before.text.length);
  const wordLength = /\S+/u.exec(piece.text)?.[0].length ?? 0;
  return used + (wordLength + 1) * characterWidth < fullWidth * width;
}
