import type { Word } from './word';

/** How well a chunk can end before a word. Higher is better. */
export const boundary = {
  /** Inside a long run of characters without spaces. */
  glued: 0,
  /** Between a heading and its text: only when there is no other place. */
  heading: 1,
  word: 2,
  /** After a sentence or a row of a table. */
  sentence: 3,
  /** Between items of a list. */
  item: 4,
  /** Between a line such as "as follows:" and what it introduces. */
  introduction: 5,
  paragraph: 6,
  /** A chunk must end here: a section begins, or a page when chunks are pages. */
  forced: 7,
} as const;

/**
 * True when a unit of this level ends with the word at `index`. No unit ends with a heading, unless the boundary after it is
 * forced.
 */
export function endsUnit(words: readonly Word[], index: number, level: number): boolean {
  const next = words[index + 1]?.boundary ?? 0;
  return next === boundary.forced || (next >= level && words[index]?.block.isHeading === false);
}

/** The last word in `from..to` that ends a unit of this level, or null. */
export function lastUnitEnd(words: readonly Word[], from: number, to: number, level: number): number | null {
  for (let index = to; index >= from; index--) {
    if (endsUnit(words, index, level)) {
      return index;
    }
  }
  return null;
}

/** The last word in `from..to` before a boundary that is not glued, or null. */
export function lastWordEnd(words: readonly Word[], from: number, to: number): number | null {
  for (let index = to; index >= from; index--) {
    if ((words[index + 1]?.boundary ?? 0) > boundary.glued) {
      return index;
    }
  }
  return null;
}
