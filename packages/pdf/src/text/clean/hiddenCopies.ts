import type { PageCharacters, Run } from '../pageCharacters';
import { removeGlyphs } from './copies';

/** The side of a square of the map, in points. */
const square = 4;
/** A letter that covers more squares is a watermark. */
const maxSquares = 400;
/** A hidden text object is a copy when at least this part of its letters is covered. */
const minCovered = 0.5;
/** Only letters of about the same size cover a hidden one. */
const maxSizeRatio = 1.7;

/**
 * Removes hidden text that painted text covers, letter for letter or otherwise. Hidden text with nothing over it is the text
 * layer of a scan, and stays.
 */
export function removeHiddenCopies(characters: PageCharacters): void {
  const { runs } = characters;
  if (!runs.some(({ hidden }) => hidden) || runs.every(({ hidden }) => hidden)) {
    return;
  }
  const painted = mapOfPainted(characters);
  const lettersByRun = new Map<number, { indices: number[]; covered: number }>();
  for (let index = 0; index < characters.count; index++) {
    if (!characters.isGlyph(index) || !characters.runAt(index).hidden) {
      continue;
    }
    const run = characters.run[index] as number;
    const letters = lettersByRun.get(run) ?? { indices: [], covered: 0 };
    letters.indices.push(index);
    letters.covered += isCovered(characters, index, painted) ? 1 : 0;
    lettersByRun.set(run, letters);
  }
  const removed = new Set<number>();
  for (const { indices, covered } of lettersByRun.values()) {
    if (covered >= minCovered * indices.length) {
      for (const index of indices) {
        removed.add(index);
      }
    }
  }
  removeGlyphs(characters, removed);
}

/** The font size of painted text in each square of the page that it covers. */
function mapOfPainted(characters: PageCharacters): Map<string, number> {
  const { left, right, baseline, count } = characters;
  const map = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const run = characters.isGlyph(index) ? characters.runAt(index) : null;
    if (run === null || run.hidden) {
      continue;
    }
    // Some more to the right, so that a space between two words is covered.
    const from = left[index] as number;
    const width = (right[index] as number) - from + 0.3 * run.size;
    const acrossSteps = Math.ceil((0.7 * run.size) / square);
    const alongSteps = Math.ceil(width / square);
    if (!(acrossSteps * alongSteps <= maxSquares)) {
      continue;
    }
    for (let row = 0; row <= acrossSteps; row++) {
      for (let column = 0; column <= alongSteps; column++) {
        const along = from + (width * column) / Math.max(1, alongSteps);
        const across = (baseline[index] as number) - (0.7 * run.size * row) / Math.max(1, acrossSteps);
        map.set(squareAt(along, across, run), run.size);
      }
    }
  }
  return map;
}

function isCovered(characters: PageCharacters, index: number, painted: ReadonlyMap<string, number>): boolean {
  const run = characters.runAt(index);
  const along = ((characters.left[index] as number) + (characters.right[index] as number)) / 2;
  const size = painted.get(squareAt(along, (characters.baseline[index] as number) - 0.3 * run.size, run));
  return size !== undefined && size < maxSizeRatio * run.size && run.size < maxSizeRatio * size;
}

/** The square of the shown page that has the point. */
function squareAt(along: number, across: number, { direction, skew }: Run): string {
  const angle = (direction * Math.PI) / 2 + skew;
  const x = along * Math.cos(angle) - across * Math.sin(angle);
  const y = along * Math.sin(angle) + across * Math.cos(angle);
  return `${Math.round(x / square)} ${Math.round(y / square)}`;
}
