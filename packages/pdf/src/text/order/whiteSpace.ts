import type { DraftLine } from '../lines/draftLine';
import type { Piece } from './columns';

/** White space is wider than this many line pitches. */
const minBlank = 1.35;
/** More than a blank line: another text begins. */
const minFar = 2.3;

/** Neighbouring lines of a band that no white space across all columns divides. */
export interface Part {
  lines: number[];
  /** True when the white space before the part is more than a blank line. */
  isFar: boolean;
}

/** Cuts a band along the white space that runs across all columns. The band and the parts are from the top down. */
export function partsOf(lines: readonly DraftLine[], band: readonly number[], gutter: number): Part[] {
  const pitch = pitchOf(band.flatMap((index) => sidesOf(lines[index] as DraftLine, gutter)));
  const parts: Part[] = [];
  let reached = Number.NEGATIVE_INFINITY;
  for (const index of band) {
    const { baseline } = lines[index] as DraftLine;
    if (baseline - reached > minBlank * pitch) {
      parts.push({ lines: [], isFar: baseline - reached > minFar * pitch });
    }
    parts.at(-1)?.lines.push(index);
    reached = baseline;
  }
  return parts;
}

/** A line's text on one side of the gutter. */
interface Side {
  side: 0 | 1;
  baseline: number;
  size: number;
}

function sidesOf(line: DraftLine, gutter: number): Side[] {
  const { baseline, size } = line;
  const sides: Side[] = [];
  if (line.left < gutter) {
    sides.push({ side: 0, baseline, size });
  }
  if (line.right > gutter) {
    sides.push({ side: 1, baseline, size });
  }
  return sides;
}

/** The median distance between neighbouring baselines on one side. */
function pitchOf(sides: readonly Side[]): number {
  const distances: number[] = [];
  const last: (number | undefined)[] = [];
  for (const { side, baseline, size } of sides) {
    const distance = baseline - (last[side] ?? baseline);
    if (distance > 0.5 * size) {
      distances.push(distance);
    }
    last[side] = baseline;
  }
  distances.sort((a, b) => a - b);
  return distances[distances.length >> 1] ?? Number.POSITIVE_INFINITY;
}

/** True when there is white space between the pieces. `piece` is the lower one. */
export function isAfterBlank(before: Piece, piece: Piece, pitch: number): boolean {
  return piece.baseline - before.baseline > minBlank * pitch;
}
