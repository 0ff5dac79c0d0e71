import { type Cell, type DraftLine, gutterGap } from '../lines/draftLine';
import { separableCells } from './columns';

/** Gaps beside shorter texts, such as numbers, are not evidence of columns. */
const minText = 10;
/** A gutter has at least this many gaps above each other, and columns have at least this many lines. */
export const minRows = 5;
/** Lines drawn one after the other may be of one row when their baselines are this close, in font sizes. */
const rowReach = 2.5;

/**
 * Finds the gutter of a page: the place where most gaps between texts side by side are above each other. Both gaps within lines
 * and gaps between lines that were drawn one after the other count. Returns null when the gaps are too few for columns, as on
 * nearly all pages.
 */
export function findGutter(lines: readonly DraftLine[]): number | null {
  const edges: Edge[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as DraftLine;
    for (let at = 1; at < line.cells.length; at++) {
      addGap(edges, line, line.cells[at - 1] as Cell, line.cells[at] as Cell);
    }
    const next = lines[index + 1];
    if (next !== undefined && Math.abs(next.baseline - line.baseline) < rowReach * line.mainSize) {
      addGap(edges, line, line.cells.at(-1) ?? line, next.cells[0] ?? next);
    }
  }
  return edges.length < 2 * minRows ? null : mostCoveredPlace(edges);
}

/** An edge of a gap. */
interface Edge {
  x: number;
  /** 1 where a gap begins, -1 where it ends. */
  step: number;
}

/** Adds the edges of the gap between the two texts if it may be a part of a gutter. */
function addGap(edges: Edge[], line: DraftLine, one: Cell | DraftLine, other: Cell | DraftLine): void {
  const from = Math.min(one.right, other.right);
  const to = Math.max(one.left, other.left);
  if (to - from > gutterGap * line.mainSize && lengthOf(one) >= minText && lengthOf(other) >= minText) {
    edges.push({ x: from, step: 1 }, { x: to, step: -1 });
  }
}

function lengthOf(text: Cell | DraftLine): number {
  return 'text' in text ? text.text.length : text.to - text.from;
}

/** Sweeps over the edges from left to right, to find where most gaps overlap. */
function mostCoveredPlace(edges: Edge[]): number | null {
  edges.sort((one, other) => one.x - other.x || one.step - other.step);
  let depth = 0;
  let deepest = 0;
  let place = 0;
  for (const [index, { x, step }] of edges.entries()) {
    depth += step;
    if (depth > deepest) {
      deepest = depth;
      place = (x + (edges[index + 1]?.x ?? x)) / 2;
    }
  }
  return deepest < minRows ? null : place;
}

/** Divides the lines, from the top down, into bands. Between two bands, a line runs across the gutter. */
export function bandsOf(lines: readonly DraftLine[], gutter: number): number[][] {
  const bands: number[][] = [];
  let band: number[] = [];
  for (const index of topDown(lines)) {
    const line = lines[index] as DraftLine;
    if (separableCells(line).some(({ left, right }) => left < gutter && right > gutter)) {
      bands.push(band);
      band = [];
    } else {
      band.push(index);
    }
  }
  bands.push(band);
  return bands.filter((each) => each.length >= minRows);
}

/** The lines by their baselines. */
function topDown(lines: readonly DraftLine[]): number[] {
  const order = [...lines.keys()];
  const baseline = (index: number) => (lines[index] as DraftLine).baseline;
  return order.sort((one, other) => baseline(one) - baseline(other) || one - other);
}
