import { type DraftLine, isUpright } from './draftLine';

/** From the base line to the top of a capital letter, in font sizes. */
const capitalHeight = 0.7;

/**
 * Puts blocks that stand above each other in order, from the top down, where they were drawn from the bottom up: a
 * footer before the text, a header after it. A block is what nothing drawn before or after it reaches beside. Blocks in
 * columns of their own stay as drawn, whatever stands across the columns above or below. Turned lines, such as a stamp in
 * the margin, stay behind the line that they were drawn after.
 * @param lines In the order they were drawn. They stay as they are.
 */
export function orderBlocks(lines: DraftLine[]): DraftLine[] {
  const rest = extentsFrom(lines);
  const blocks: DraftLine[][] = [];
  let before = nothingYet;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || (isUpright(line) && isBelow(before, rest[index] ?? nothingYet))) {
      blocks.push([]);
    }
    blocks.at(-1)?.push(line);
    before = extended(before, line);
  }
  return blocks.length < 2 ? lines : joinColumns(blocks).reverse().flat();
}

/** Joins each block to the one before it where the two stand in columns of their own. */
function joinColumns(blocks: readonly DraftLine[][]): DraftLine[][] {
  const extents = blocks.map((block) => block.reduce(extended, nothingYet));
  const joined: DraftLine[][] = [];
  for (const [index, block] of blocks.entries()) {
    if (index === 0 || overlapSideways(extents[index - 1] ?? nothingYet, extents[index] ?? nothingYet)) {
      joined.push([]);
    }
    for (const line of block) {
      joined.at(-1)?.push(line);
    }
  }
  return joined;
}

/** Where lines stand: `base` is the lowest base line. */
interface Extent {
  a0: number;
  a1: number;
  top: number;
  base: number;
}

const nothingYet: Extent = {
  a0: Number.POSITIVE_INFINITY,
  a1: Number.NEGATIVE_INFINITY,
  top: Number.POSITIVE_INFINITY,
  base: Number.NEGATIVE_INFINITY,
};

/** Turned lines are left out: they stand beside much, and their places are along another axis. */
function extended(extent: Extent, line: DraftLine): Extent {
  if (!isUpright(line)) {
    return extent;
  }
  return {
    a0: Math.min(extent.a0, line.a0),
    a1: Math.max(extent.a1, line.a1),
    top: Math.min(extent.top, line.base - capitalHeight * line.mainSize),
    base: Math.max(extent.base, line.base),
  };
}

/** For each line, where it and those after it stand. */
function extentsFrom(lines: readonly DraftLine[]): Extent[] {
  const extents: Extent[] = [];
  let extent = nothingYet;
  for (let index = lines.length - 1; index >= 0; index--) {
    extent = extended(extent, lines[index] as DraftLine);
    extents[index] = extent;
  }
  return extents;
}

/** Below, and not in a column of its own. */
function isBelow(one: Extent, other: Extent): boolean {
  return one.top > other.base && overlapSideways(one, other);
}

function overlapSideways(one: Extent, other: Extent): boolean {
  return one.a0 < other.a1 && one.a1 > other.a0;
}
