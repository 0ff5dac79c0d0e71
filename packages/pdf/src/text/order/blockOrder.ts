import type { DraftLine } from '../lines/draftLine';

/** The height of a capital letter above the baseline, in font sizes. */
const capitalHeight = 0.7;

/**
 * Reverses blocks that were drawn from the bottom up, such as a footer before the text or a header after it. A block ends where
 * everything drawn before is below everything drawn after. Blocks in separate columns keep their order, whatever is above or
 * below them.
 * @param lines Lines of one angle, in the order in which they were drawn. They are not changed.
 */
export function orderBlocks(lines: DraftLine[]): DraftLine[] {
  const rest = extentsFrom(lines);
  const blocks: DraftLine[][] = [];
  let before = noExtent;
  for (const [index, line] of lines.entries()) {
    if (index === 0 || isBelow(before, rest[index] ?? noExtent)) {
      blocks.push([]);
    }
    blocks.at(-1)?.push(line);
    before = extend(before, line);
  }
  return blocks.length < 2 ? lines : joinColumns(blocks).reverse().flat();
}

/** Joins each block to the one before it when the two are in separate columns. */
function joinColumns(blocks: readonly DraftLine[][]): DraftLine[][] {
  const extents = blocks.map((block) => block.reduce(extend, noExtent));
  const joined: DraftLine[][] = [];
  for (const [index, block] of blocks.entries()) {
    if (index === 0 || overlapSideways(extents[index - 1] ?? noExtent, extents[index] ?? noExtent)) {
      joined.push([]);
    }
    for (const line of block) {
      joined.at(-1)?.push(line);
    }
  }
  return joined;
}

/** The area of some lines: from the top of the highest capital letter to the lowest baseline. */
interface Extent {
  left: number;
  right: number;
  top: number;
  baseline: number;
}

const noExtent: Extent = {
  left: Number.POSITIVE_INFINITY,
  right: Number.NEGATIVE_INFINITY,
  top: Number.POSITIVE_INFINITY,
  baseline: Number.NEGATIVE_INFINITY,
};

function extend(extent: Extent, line: DraftLine): Extent {
  return {
    left: Math.min(extent.left, line.left),
    right: Math.max(extent.right, line.right),
    top: Math.min(extent.top, line.baseline - capitalHeight * line.mainSize),
    baseline: Math.max(extent.baseline, line.baseline),
  };
}

/** For each line, the extent of it and all lines after it. */
function extentsFrom(lines: readonly DraftLine[]): Extent[] {
  const extents: Extent[] = [];
  let extent = noExtent;
  for (let index = lines.length - 1; index >= 0; index--) {
    extent = extend(extent, lines[index] as DraftLine);
    extents[index] = extent;
  }
  return extents;
}

/** True when `one` is below `other` and not in a separate column. */
function isBelow(one: Extent, other: Extent): boolean {
  return one.top > other.baseline && overlapSideways(one, other);
}

function overlapSideways(one: Extent, other: Extent): boolean {
  return one.left < other.right && one.right > other.left;
}
