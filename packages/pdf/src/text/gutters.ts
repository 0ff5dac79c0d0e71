import { type Cell, cellsOf, type DraftLine, gutterGap, isUpright } from './draftLine';

/** What one line has in one column. */
export interface Piece {
  /** Which of the page's lines it is of, and which part of its text it is. */
  line: number;
  from: number;
  to: number;
  text: string;
  a0: number;
  a1: number;
  base: number;
  size: number;
  bold: boolean;
  cellCount: number;
}

/** Shorter texts beside a gap, such as numbers, say nothing of columns. */
const minText = 10;
/** Fewer gaps above each other are no gutter. */
export const minRows = 5;
/** Lines drawn one after the other are of one row when they are this close, in font sizes. */
const rowReach = 2.5;
/** White space across all columns is wider than this many distances between lines. */
const blank = 1.35;
/** More than a blank line: something else begins. */
const far = 2.3;

/**
 * Where most gaps between texts side by side, in lines and between lines drawn one after the other, lie above each other.
 * Null when there are too few for columns, as on nearly all pages.
 */
export function findGutter(lines: readonly DraftLine[]): number | null {
  const edges: Edge[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as DraftLine;
    for (let at = 1; at < line.cells.length; at++) {
      noteGap(edges, line, line.cells[at - 1] as Cell, line.cells[at] as Cell);
    }
    const next = lines[index + 1];
    if (next?.direction === line.direction && Math.abs(next.base - line.base) < rowReach * line.mainSize) {
      noteGap(edges, line, line.cells.at(-1) ?? line, next.cells[0] ?? next);
    }
  }
  return edges.length < 2 * minRows ? null : mostCovered(edges);
}

interface Edge {
  a: number;
  /** 1 where a gap begins, -1 where it ends. */
  step: number;
}

function noteGap(edges: Edge[], line: DraftLine, one: Cell | DraftLine, other: Cell | DraftLine): void {
  const from = Math.min(one.a1, other.a1);
  const to = Math.max(one.a0, other.a0);
  if (
    isUpright(line) &&
    to - from > gutterGap * line.mainSize &&
    lengthOf(one) >= minText &&
    lengthOf(other) >= minText
  ) {
    edges.push({ a: from, step: 1 }, { a: to, step: -1 });
  }
}

function lengthOf(text: Cell | DraftLine): number {
  return 'text' in text ? text.text.length : text.to - text.from;
}

function mostCovered(edges: Edge[]): number | null {
  edges.sort((one, other) => one.a - other.a || one.step - other.step);
  let depth = 0;
  let deepest = 0;
  let place = 0;
  for (const [index, { a, step }] of edges.entries()) {
    depth += step;
    if (depth > deepest) {
      deepest = depth;
      place = (a + (edges[index + 1]?.a ?? a)) / 2;
    }
  }
  return deepest < minRows ? null : place;
}

/** The runs of lines, from the top down, of which none stands across `gutter`. */
export function bandsOf(lines: readonly DraftLine[], gutter: number): number[][] {
  const bands: number[][] = [];
  let band: number[] = [];
  for (const index of topDown(lines)) {
    const line = lines[index] as DraftLine;
    if (separableCells(line).some(({ a0, a1 }) => a0 < gutter && a1 > gutter)) {
      bands.push(band);
      band = [];
    } else {
      band.push(index);
    }
  }
  bands.push(band);
  return bands.filter((each) => each.length >= minRows);
}

/** The upright lines. */
function topDown(lines: readonly DraftLine[]): number[] {
  const order = [...lines.keys()].filter((index) => isUpright(lines[index] as DraftLine));
  const base = (index: number) => (lines[index] as DraftLine).base;
  return order.sort((one, other) => base(one) - base(other) || one - other);
}

/** Neighbouring lines of a band between which no white space runs across all columns. */
export interface Part {
  lines: number[];
  /** True when the white space before it is that of something else beginning. */
  farOff: boolean;
}

/** Cuts a band, given from the top down, along the white space that runs across all columns. */
export function partsOf(lines: readonly DraftLine[], band: readonly number[], gutter: number): Part[] {
  const pitch = pitchOf(band.flatMap((index) => sidesOf(lines[index] as DraftLine, gutter)));
  const parts: Part[] = [];
  let reached = Number.NEGATIVE_INFINITY;
  for (const index of band) {
    const { base } = lines[index] as DraftLine;
    if (base - reached > blank * pitch) {
      parts.push({ lines: [], farOff: base - reached > far * pitch });
    }
    parts.at(-1)?.lines.push(index);
    reached = base;
  }
  return parts;
}

function sidesOf(line: DraftLine, gutter: number): { side: number; base: number; size: number }[] {
  const { base, size } = line;
  const sides = [];
  if (line.a0 < gutter) {
    sides.push({ side: 0, base, size });
  }
  if (line.a1 > gutter) {
    sides.push({ side: 1, base, size });
  }
  return sides;
}

/** The usual distance from a base line to the next on the same side. */
function pitchOf(sides: readonly { side: number; base: number; size: number }[]): number {
  const distances: number[] = [];
  const last: (number | undefined)[] = [];
  for (const { side, base, size } of sides) {
    const distance = base - (last[side] ?? base);
    if (distance > 0.5 * size) {
      distances.push(distance);
    }
    last[side] = base;
  }
  distances.sort((a, b) => a - b);
  return distances[distances.length >> 1] ?? Number.POSITIVE_INFINITY;
}

/** True when `line` is `blank` line distances below `before`. */
export function isSetApart(before: Piece, piece: Piece, pitch: number): boolean {
  return piece.base - before.base > blank * pitch;
}

/**
 * The columns that the lines stand in, from left to right, each with its pieces in the order they were drawn: the stretches
 * between the gutters that none of the lines reaches into.
 */
export function columnsOf(lines: readonly DraftLine[], indices: readonly number[]): Piece[][] {
  const pieces: Piece[] = [];
  for (const index of indices) {
    const line = lines[index] as DraftLine;
    const { text, base } = line;
    for (const { from, to, a0, a1, size, bold } of separableCells(line)) {
      pieces.push({ line: index, from, to, text, a0, a1, base, size, bold, cellCount: 1 });
    }
  }
  pieces.sort((one, other) => one.a0 - other.a0 || one.line - other.line);
  const columns: Piece[][] = [];
  let reached = Number.NEGATIVE_INFINITY;
  for (const piece of pieces) {
    if (piece.a0 - reached > gutterGap * (lines[piece.line] as DraftLine).mainSize) {
      columns.push([]);
    }
    reached = Math.max(reached, piece.a1);
    columns.at(-1)?.push(piece);
  }
  return columns.map(joinPieces);
}

/** The pieces in the order they were drawn, those of one line as one with the size of the longest. */
function joinPieces(pieces: Piece[]): Piece[] {
  pieces.sort((one, other) => one.line - other.line || one.from - other.from);
  const joined: Piece[] = [];
  let longest = 0;
  for (const piece of pieces) {
    const before = joined.at(-1);
    const length = piece.to - piece.from;
    if (before?.line === piece.line) {
      before.to = piece.to;
      before.a0 = Math.min(before.a0, piece.a0);
      before.a1 = Math.max(before.a1, piece.a1);
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

/** The cells of a line in the order of its text; the line as a whole when they do not stand in that order. */
function separableCells(line: DraftLine): readonly Cell[] {
  const cells = cellsOf(line);
  if (cells.length === 1) {
    return cells;
  }
  const inOrder = cells.every((cell, at) => {
    const before = cells[at - 1];
    return before === undefined || (line.rightToLeft ? cell.a1 <= before.a0 : cell.a0 >= before.a1);
  });
  return inOrder ? cells : cellsOf({ ...line, cells: [] });
}
