import type { DraftLine } from './draftLine';
import { bandsOf, columnsOf, findGutter, isSetApart, minRows, type Part, type Piece, partsOf } from './gutters';
import { areProse, mayBeProse, widthOf } from './prose';

/** Fewer lines do not tell prose from a table. */
const tellingLines = 3;
/** Characters are not all as wide as they are on average, and lines are set with that much less than their full width. */
const fitting = 0.95;
/** Of the paragraphs of a table more than this part begins side by side; of those of columns some do by chance. */
const table = 2 / 3;
const endsSentence = /[.!?:;。！？：；؟]["'”’)\]]*$/u;
const beginsSmall = /^["'“‘(]*\p{Ll}/u;

/**
 * Puts lines in reading order that were drawn row by row across the columns of a page: column by column, within the band
 * that no line across the gutter divides. A line that runs across the gutter is split there. Only prose that jumps
 * over the gutter again and again is touched; all other lines, and what was drawn column by column, keep the order of
 * the content stream. After the recursive cuts along white space of Nagy and Seth, "Hierarchical representation of
 * optically scanned documents", ICPR 1984; here one cut down and one across are enough, and the text decides between
 * columns and rows.
 * @param lines In the order they were drawn. They stay as they are.
 */
export function orderColumns(lines: DraftLine[]): DraftLine[] {
  const gutter = findGutter(lines);
  if (gutter === null) {
    return lines;
  }
  const runs = bandsOf(lines, gutter).flatMap((band) => runsOf(lines, partsOf(lines, band, gutter)));
  const flows = runs.map((run) => flowOf(lines, run)).filter((flow) => flow !== null);
  return flows.length === 0 ? lines : rearrange(lines, flows);
}

/** Columns from the first to be read to the last. */
type Flow = Piece[][];

/** Neighbouring parts of a band, given from the top down, that may be one text in columns: no table is among them. */
function runsOf(lines: readonly DraftLine[], parts: readonly Part[]): number[][] {
  const runs: { lines: number[]; isRow: boolean }[][] = [[]];
  for (const part of parts) {
    const columns = columnsOf(lines, part.lines);
    const telling = columns.filter(({ length }) => length >= tellingLines);
    // One alone may be headings side by side.
    const isRow = telling.length === 0 && columns.length > 1;
    const isTable = columns.length > 1 && !telling.every(mayBeProse);
    if (part.farOff || isTable || (isRow && runs.at(-1)?.at(-1)?.isRow)) {
      runs.push([]);
    }
    if (!isTable) {
      runs.at(-1)?.push({ lines: part.lines, isRow });
    }
  }
  return runs.map((run) => {
    // A header or footer with something on either side, or the first row of a table.
    const first = run.findIndex(({ isRow }) => !isRow);
    const last = run.findLastIndex(({ isRow }) => !isRow);
    return run.slice(Math.max(0, first), last + 1).flatMap((part) => part.lines);
  });
}

/** The columns of these lines in reading order; null when they are none, or not drawn row by row. */
function flowOf(lines: readonly DraftLine[], indices: readonly number[]): Flow | null {
  const columns = columnsOf(lines, indices);
  if (columns.length < 2 || columns.some(({ length }) => length < minRows) || !areProse(columns)) {
    return null;
  }
  const rightToLeft = indices.filter((index) => lines[index]?.rightToLeft).length * 2 > indices.length;
  const flow = rightToLeft ? columns.reverse() : columns;
  return isInterleaved(flow) && !isTable(flow) ? flow : null;
}

/** True when the columns are drawn row by row: not one after the other, nor paragraph by paragraph. */
function isInterleaved(flow: Flow): boolean {
  const pieces = flow.flatMap((column, at) => column.map(({ line }) => ({ line, at })));
  pieces.sort((one, other) => one.line - other.line || one.at - other.at);
  const jumpsBack = pieces.filter(({ at }, index) => at < (pieces[index - 1]?.at ?? 0)).length;
  const [, second = 0] = flow.map(({ length }) => length).sort((a, b) => b - a);
  return jumpsBack >= minRows - 1 && jumpsBack * 2 >= second;
}

/** True when most paragraphs begin side by side in neighbouring columns: they are the cells of a table's rows. */
function isTable(flow: Flow): boolean {
  return flow.some((column, at) => {
    const next = flow[at + 1];
    if (next === undefined) {
      return false;
    }
    const [starts, others] = [startsOf(column), startsOf(next)];
    const beside = countBeside(starts.plain, others.possible) + countBeside(others.plain, starts.possible);
    return beside > table * (starts.plain.length + others.plain.length);
  });
}

/** How many of the pieces have one of `others` on their base line. Both from the top down. */
function countBeside(pieces: readonly Piece[], others: readonly Piece[]): number {
  let count = 0;
  let at = 0;
  for (const { base, size } of pieces) {
    while ((others[at]?.base ?? Number.POSITIVE_INFINITY) < base - 0.5 * size) {
      at++;
    }
    count += (others[at]?.base ?? Number.POSITIVE_INFINITY) < base + 0.5 * size ? 1 : 0;
  }
  return count;
}

/**
 * The pieces, but the first, that a paragraph or a cell begins with, from the top down: those that plainly do, and with them
 * all that may, since a full line hides that its cell ends there.
 */
function startsOf(pieces: readonly Piece[]): { plain: Piece[]; possible: Piece[] } {
  const column = [...pieces].sort((one, other) => one.base - other.base);
  const width = widthOf(column);
  const distances = column.map(({ base }, index) => base - (column[index - 1]?.base ?? base)).sort((a, b) => a - b);
  const pitch = distances[distances.length >> 1] ?? 0;
  const starts: ReturnType<typeof startsOf> = { plain: [], possible: [] };
  for (const [index, piece] of column.entries()) {
    const before = column[index - 1];
    if (before === undefined) {
      continue;
    }
    const isPlain = isSetApart(before, piece, pitch) || hasRoom(before, piece, width);
    if (isPlain) {
      starts.plain.push(piece);
    }
    if (isPlain || (endsSentence.test(before.text) && !beginsSmall.test(piece.text))) {
      starts.possible.push(piece);
    }
  }
  return starts;
}

/** True when the first word of `piece` would have fitted into the line before it. */
function hasRoom(before: Piece, piece: Piece, width: number): boolean {
  const used = before.a1 - before.a0;
  const character = used / Math.max(1, before.text.length);
  const word = /\S+/u.exec(piece.text)?.[0].length ?? 0;
  return used + (word + 1) * character < fitting * width;
}

/** The lines with each flow, put in order, where its first line stood. */
function rearrange(lines: readonly DraftLine[], flows: readonly Flow[]): DraftLine[] {
  const flowAt = new Map<number, Flow>();
  const moved = new Set<number>();
  for (const flow of flows) {
    let first = Number.POSITIVE_INFINITY;
    for (const { line } of flow.flat()) {
      first = Math.min(first, line);
      moved.add(line);
    }
    flowAt.set(first, flow);
  }
  return lines.flatMap((line, index) => {
    const flow = flowAt.get(index);
    if (flow !== undefined) {
      return flow.flat().map((piece) => lineOf(lines[piece.line] as DraftLine, piece));
    }
    return moved.has(index) ? [] : [line];
  });
}

/** A line of its own from a piece of one. */
function lineOf(line: DraftLine, piece: Piece): DraftLine {
  if (piece.text.length === line.text.length) {
    return line;
  }
  const { text, a0, a1, size, bold } = piece;
  const isLast = piece.to === line.text.length;
  // The engine saw no end of a line here, and no hyphen that splits a word.
  const splitsWord = isLast ? line.splitsWord : /\p{L}-$/u.test(text);
  return { ...line, text, a0, a1, size, bold, splitsWord, cells: [] };
}
