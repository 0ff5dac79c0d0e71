import type { DraftLine } from '../lines/draftLine';
import { columnsOf, type Piece } from './columns';
import { bandsOf, findGutter, minRows } from './gutter';
import { areProse, mayBeProse } from './prose';
import { isTable } from './tables';
import { type Part, partsOf } from './whiteSpace';

/** A column with fewer lines does not show whether it is prose or a table. */
const minTellingLines = 3;

/** The columns of one text, from the first to be read to the last. */
type Flow = Piece[][];

/**
 * Puts columns in reading order that were drawn row by row. Each column is read within its band; a line that runs across the
 * gutter ends a band, and a line with text on both sides of the gutter is split there. Only prose that jumps over the gutter
 * again and again is reordered. All other lines, and columns that were drawn one after the other, keep the order of the content
 * stream.
 *
 * The method is the recursive cut along white space of Nagy and Seth ("Hierarchical representation of optically scanned
 * documents", ICPR 1984). Here one cut in each direction is enough, and the text decides between columns and rows.
 * @param lines Lines of one angle, in the order in which they were drawn. They are not changed.
 */
export function orderColumns(lines: DraftLine[]): DraftLine[] {
  const gutter = findGutter(lines);
  if (gutter === null) {
    return lines;
  }
  const groups = bandsOf(lines, gutter).flatMap((band) => groupsOf(lines, partsOf(lines, band, gutter)));
  const flows = groups.map((group) => flowOf(lines, group)).filter((flow) => flow !== null);
  return flows.length === 0 ? lines : rearrange(lines, flows);
}

/** Groups neighbouring parts of a band that may be one text in columns. Tables and distant parts divide groups. */
function groupsOf(lines: readonly DraftLine[], parts: readonly Part[]): number[][] {
  const groups: { lines: number[]; isRow: boolean }[][] = [[]];
  for (const part of parts) {
    const columns = columnsOf(lines, part.lines);
    const telling = columns.filter(({ length }) => length >= minTellingLines);
    // A single row may be two headings side by side. Two rows in a row are a table.
    const isRow = telling.length === 0 && columns.length > 1;
    const isTablePart = columns.length > 1 && !telling.every(mayBeProse);
    if (part.isFar || isTablePart || (isRow && groups.at(-1)?.at(-1)?.isRow)) {
      groups.push([]);
    }
    if (!isTablePart) {
      groups.at(-1)?.push({ lines: part.lines, isRow });
    }
  }
  return groups.map((group) => {
    // A row at either end is a header or footer of two texts, or a row of a table.
    const first = group.findIndex(({ isRow }) => !isRow);
    const last = group.findLastIndex(({ isRow }) => !isRow);
    return group.slice(Math.max(0, first), last + 1).flatMap((part) => part.lines);
  });
}

/** The columns of the lines in reading order. Null when they are not columns of prose that were drawn row by row. */
function flowOf(lines: readonly DraftLine[], indices: readonly number[]): Flow | null {
  const columns = columnsOf(lines, indices);
  if (columns.length < 2 || columns.some(({ length }) => length < minRows) || !areProse(columns)) {
    return null;
  }
  const isRightToLeft = indices.filter((index) => lines[index]?.rightToLeft).length * 2 > indices.length;
  const flow = isRightToLeft ? columns.reverse() : columns;
  return isDrawnByRow(flow) && !isTable(flow) ? flow : null;
}

/** False when the columns were drawn one after the other or paragraph by paragraph. */
function isDrawnByRow(flow: Flow): boolean {
  const pieces = flow.flatMap((column, at) => column.map(({ line }) => ({ line, at })));
  pieces.sort((one, other) => one.line - other.line || one.at - other.at);
  const jumpsBack = pieces.filter(({ at }, index) => at < (pieces[index - 1]?.at ?? 0)).length;
  const [, secondLongest = 0] = flow.map(({ length }) => length).sort((a, b) => b - a);
  return jumpsBack >= minRows - 1 && jumpsBack * 2 >= secondLongest;
}

/** Replaces the lines of each flow by the flow in reading order, at the place of its first line. */
function rearrange(lines: readonly DraftLine[], flows: readonly Flow[]): DraftLine[] {
  const flowByFirstLine = new Map<number, Flow>();
  const moved = new Set<number>();
  for (const flow of flows) {
    let first = Number.POSITIVE_INFINITY;
    for (const { line } of flow.flat()) {
      first = Math.min(first, line);
      moved.add(line);
    }
    flowByFirstLine.set(first, flow);
  }
  return lines.flatMap((line, index) => {
    const flow = flowByFirstLine.get(index);
    if (flow !== undefined) {
      return flow.flat().map((piece) => lineFrom(lines[piece.line] as DraftLine, piece));
    }
    return moved.has(index) ? [] : [line];
  });
}

/** Returns a new line for a piece of `line`. */
function lineFrom(line: DraftLine, piece: Piece): DraftLine {
  if (piece.text.length === line.text.length) {
    return line;
  }
  const { text, left, right, size, bold } = piece;
  const isLast = piece.to === line.text.length;
  // Within a line, the engine reports no hyphens that split a word.
  const splitsWord = isLast ? line.splitsWord : /\p{L}-$/u.test(text);
  return { ...line, text, left, right, size, bold, splitsWord, cells: [] };
}
