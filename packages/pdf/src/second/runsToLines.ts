import { cleanText } from '@millrace/contracts';
import { pageFraction } from '../text/pageFraction';
import type { PageSize, TextLine } from '../types';

/** A run of text on the shown page, in points from its top left corner. */
export interface PlacedRun {
  text: string;
  /** True when the engine takes it for the last of its line. */
  endsLine: boolean;
  /** Where the run begins, on its baseline. */
  x: number;
  y: number;
  /** The direction of the text, of length 1. */
  alongX: number;
  alongY: number;
  size: number;
  length: number;
}

/** In font sizes. A wider gap separates words, and a much wider one cells. Another line is at least half a size away. */
const wordGap = 0.15;
const cellGap = 1.5;
const lineDistance = 0.5;
/** The part of a font's size that is above the baseline. */
const ascent = 0.8;

/** Joins runs, in the order in which they are drawn, to lines. */
export function runsToLines(runs: readonly PlacedRun[], page: PageSize): TextLine[] {
  const lines: PlacedRun[][] = [];
  let line: PlacedRun[] = [];
  for (const run of runs) {
    const before = line.at(-1);
    if (before !== undefined && !continues(before, run)) {
      lines.push(line);
      line = [];
    }
    if (run.text.trim() !== '') {
      line.push(run);
    }
    if (run.endsLine) {
      lines.push(line);
      line = [];
    }
  }
  return [...lines, line].flatMap((one) => lineOf(one, page) ?? []);
}

function continues(before: PlacedRun, run: PlacedRun): boolean {
  const across = Math.abs((run.x - before.x) * before.alongY - (run.y - before.y) * before.alongX);
  return run.text.trim() === '' || (across < lineDistance * before.size && gapBetween(before, run) > -before.size);
}

/** The distance from the end of one run to the start of the next, along the text. */
function gapBetween(before: PlacedRun, run: PlacedRun): number {
  return (run.x - before.x) * before.alongX + (run.y - before.y) * before.alongY - before.length;
}

function lineOf(runs: readonly PlacedRun[], { width, height }: PageSize): TextLine | null {
  const text = runs.reduce((joined, run, index) => {
    const before = runs[index - 1];
    if (before === undefined) {
      return run.text;
    }
    const gap = gapBetween(before, run);
    const space = gap > cellGap * run.size ? '\t' : gap > wordGap * run.size ? ' ' : '';
    return joined + space + run.text;
  }, '');
  const cleaned = cleanText(text)
    .replace(/(?!\t)\p{Cc}/gu, '')
    .trim();
  if (cleaned === '') {
    return null;
  }
  // The corners of each run: on its baseline and above it, at its start and its end.
  const corners = runs.flatMap(({ x, y, alongX, alongY, length, size }) =>
    [0, length].flatMap((along) =>
      [0, ascent * size].map((up) => ({ x: x + along * alongX + up * alongY, y: y + along * alongY - up * alongX })),
    ),
  );
  return {
    text: cleaned,
    x0: pageFraction(Math.min(...corners.map((corner) => corner.x)), width),
    y0: pageFraction(Math.min(...corners.map((corner) => corner.y)), height),
    x1: pageFraction(Math.max(...corners.map((corner) => corner.x)), width),
    y1: pageFraction(Math.max(...corners.map((corner) => corner.y)), height),
    fontSize: Math.max(1, Math.round(Math.max(...runs.map((run) => run.size)) * 100) / 100),
    bold: false,
  };
}
