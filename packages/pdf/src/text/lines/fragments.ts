import type { PageCharacters } from '../pageCharacters';
import { kind } from '../pageCharacters';
import { type DraftLine, haveSameAngle, maxBaselineOffset } from './draftLine';

/** Fragments of a line have gaps of at most this many font sizes between them ... */
const maxGap = 0.35;
/** ... or of this many when neither is a line of a paragraph, such as a cell of several lines ... */
const maxLoneGap = 1;
/** The next line of a paragraph is at most this far below, in font sizes. */
const maxPitch = 2;
/** ... and about the same size. */
const maxSizeRatio = 1.6;
/** Lines that overlap by more than this, in font sizes, may be copies. */
const minOverlap = 0.15;
/** A line is compared with at most this many others on its baseline. */
const maxCompared = 200;
/** Letters collide when they overlap by more than this part of the narrower one. */
const collision = 0.45;
/** When more than this part of the letters collides, two texts lie over each other. */
const maxCollisions = 0.15;

/** Finds lines that were drawn in pieces which are next to each other, or one in the gaps of the other. */
export function findFragments(lines: readonly DraftLine[]): DraftLine[][] {
  const inParagraph = linesOfParagraphs(lines);
  const sorted = [...lines].sort(
    (one, other) => one.direction - other.direction || one.skew - other.skew || one.baseline - other.baseline,
  );
  const sets = new Map<DraftLine, DraftLine[]>();
  for (const [at, line] of sorted.entries()) {
    for (let next = at + 1; next < Math.min(sorted.length, at + maxCompared); next++) {
      const other = sorted[next] as DraftLine;
      if (!haveSameAngle(line, other) || other.baseline - line.baseline >= maxBaselineOffset * line.mainSize) {
        break;
      }
      const reachAlong = inParagraph.has(line) || inParagraph.has(other) ? maxGap : maxLoneGap;
      if (areNear(line, other, reachAlong)) {
        join(sets, line, other);
      }
    }
  }
  return [...new Set(sets.values())];
}

/** True when two lines of a set lie over each other, as copies do. Neighbours may touch. */
export function haveOverlap(set: readonly DraftLine[]): boolean {
  const sorted = [...set].sort((one, other) => one.left - other.left);
  let reached = Number.NEGATIVE_INFINITY;
  return sorted.some(({ left, right, mainSize }) => {
    const overlaps = left < reached - minOverlap * mainSize;
    reached = Math.max(reached, right);
    return overlaps;
  });
}

/** The lines that are directly above or below a line that was drawn next to them. */
function linesOfParagraphs(lines: readonly DraftLine[]): Set<DraftLine> {
  const found = new Set<DraftLine>();
  for (const [at, line] of lines.entries()) {
    const next = lines[at + 1];
    const pitch = next === undefined ? 0 : next.baseline - line.baseline;
    if (next !== undefined && pitch > 0 && pitch < maxPitch * line.mainSize && gapBetween(line, next) < 0) {
      found.add(line).add(next);
    }
  }
  return found;
}

function areNear(line: DraftLine, other: DraftLine, reach: number): boolean {
  const [smaller, larger] = [Math.min(line.mainSize, other.mainSize), Math.max(line.mainSize, other.mainSize)];
  return (
    larger < maxSizeRatio * smaller &&
    Math.abs(line.baseline - other.baseline) < maxBaselineOffset * smaller &&
    gapBetween(line, other) < reach * smaller
  );
}

/** The gap between two lines; negative when they overlap. */
function gapBetween(line: DraftLine, other: DraftLine): number {
  return Math.max(line.left, other.left) - Math.min(line.right, other.right);
}

function join(sets: Map<DraftLine, DraftLine[]>, line: DraftLine, other: DraftLine): void {
  const one = sets.get(line) ?? [line];
  const two = sets.get(other) ?? [other];
  const [larger, smaller] = one.length >= two.length ? [one, two] : [two, one];
  if (larger !== smaller) {
    for (const each of smaller) {
      larger.push(each);
      sets.set(each, larger);
    }
  }
  sets.set(line, larger);
  sets.set(other, larger);
}

/**
 * Puts the letters of each set in order from left to right, at the place of the line that was drawn first. Texts that lie over
 * each other stay apart.
 * @returns false when nothing changed.
 */
export function joinFragments(
  characters: PageCharacters,
  lines: readonly DraftLine[],
  sets: readonly DraftLine[][],
): boolean {
  const entriesOf = new Map<DraftLine, number[]>();
  for (const set of sets) {
    const entries = sortedEntries(characters, set);
    if (entries !== null) {
      const [first, ...others] = [...set].sort((one, other) => one.from - other.from);
      entriesOf.set(first as DraftLine, entries);
      for (const other of others) {
        entriesOf.set(other, []);
      }
    }
  }
  if (entriesOf.size === 0) {
    return false;
  }
  characters.rearrange(lines.flatMap((line) => entriesOf.get(line) ?? rangeOf(line)));
  return true;
}

function rangeOf({ from, to }: DraftLine): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** The entries of the lines by their places, each letter with the spaces that were drawn before it. Null when letters collide. */
function sortedEntries(characters: PageCharacters, set: readonly DraftLine[]): number[] | null {
  const { left, right } = characters;
  const letters: { index: number; spaces: number[]; last: number }[] = [];
  for (const line of set) {
    let spaces: number[] = [];
    let last = -1;
    for (const index of rangeOf(line)) {
      if (characters.isGlyph(index)) {
        letters.push({ index, spaces, last });
        last = index;
        spaces = [];
      } else if (characters.kind[index] !== kind.lineBreak) {
        spaces.push(index);
      }
    }
  }
  letters.sort((one, other) => (left[one.index] as number) - (left[other.index] as number) || one.index - other.index);
  let collisions = 0;
  for (let at = 1; at < letters.length; at++) {
    const [one, other] = [letters[at - 1]?.index as number, letters[at]?.index as number];
    const overlap = Math.min(right[one] as number, right[other] as number) - (left[other] as number);
    const narrower = Math.min(
      (right[one] as number) - (left[one] as number),
      (right[other] as number) - (left[other] as number),
    );
    const isLigature = left[one] === left[other] && characters.run[one] === characters.run[other];
    collisions += overlap > collision * narrower && !isLigature ? 1 : 0;
  }
  if (collisions > maxCollisions * letters.length) {
    return null;
  }
  // A space is right only between letters that follow each other in the drawing, too.
  return letters.flatMap(({ index, spaces, last }, at) =>
    letters[at - 1]?.index === last && at > 0 ? [...spaces, index] : [index],
  );
}
