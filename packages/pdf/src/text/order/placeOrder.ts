import { type DraftLine, gutterGap } from '../lines/draftLine';

/** The height of a capital letter above the baseline, in font sizes. */
const capitalHeight = 0.7;
/** Lines of a block have baselines at most this far apart, in font sizes; more when they begin at the same place. */
const maxPitch = 2.6;
const maxAlignedPitch = 4.5;
/** A block of fewer lines does not show that it is a column. */
const minColumnLines = 2;
/** Columns are beside each other for at least this part of the shorter one. */
const minBeside = 0.5;
/** Blocks are above each other when they share at least this part of the narrower one's width. */
const minShared = 0.1;
/** A page of more blocks or lines is a table or a drawing, and comparing all of them would take long. */
const maxBlocks = 150;
const maxLines = 1_000;

/** Lines that were drawn one after the other and are below each other. */
interface Block {
  lines: DraftLine[];
  left: number;
  right: number;
  /** The top of the first line's capitals, and the last line's baseline. */
  top: number;
  bottom: number;
  size: number;
}

/**
 * Puts blocks in order that were drawn out of order: what is above comes before what is below, and the left column before the right
 * one (the other way round for scripts from right to left). Blocks that these rules do not compare keep the order of drawing. A page
 * that was drawn in an order that obeys the rules is not changed.
 *
 * The rules are those of Breuel ("High Performance Document Layout Analysis", 2003), limited to clear cases.
 * @param lines Lines of one angle, in the order in which they were drawn. They are not changed.
 */
export function orderByPlace(lines: DraftLine[]): DraftLine[] {
  if (lines.length > maxLines) {
    return lines;
  }
  const drawn = blocksOf(lines);
  if (drawn.length < 2 || drawn.length > maxBlocks) {
    return lines;
  }
  const blocks = splitBlocks(drawn);
  if (blocks.length > maxBlocks) {
    return lines;
  }
  const isFromRight = lines.filter(({ rightToLeft }) => rightToLeft).length * 2 > lines.length;
  const rules = new Rules(blocks, isFromRight);
  const hasColumnsInTurn = isViolated(blocks, (one, other) => rules.isColumnBefore(one, other));
  if (!hasColumnsInTurn && !isViolated(blocks, isAbove)) {
    return lines;
  }
  const precedes = (one: Block, other: Block) =>
    isAbove(one, other) || rules.isColumnBefore(one, other) || (hasColumnsInTurn && rules.isInColumnBefore(one, other));
  return sortBy(blocks, precedes).flatMap((block) => block.lines);
}

/** True when some block was drawn before one that must precede it. */
function isViolated(blocks: readonly Block[], precedes: (one: Block, other: Block) => boolean): boolean {
  return blocks.some((block, at) => blocks.slice(0, at).some((before) => precedes(block, before)));
}

/** Takes, again and again, the first block that no other block must precede. */
function sortBy(blocks: readonly Block[], precedes: (one: Block, other: Block) => boolean): Block[] {
  const before = new Map(
    blocks.map((block) => [block, new Set(blocks.filter((other) => other !== block && precedes(other, block)))]),
  );
  const sorted: Block[] = [];
  while (before.size > 0) {
    const rest = [...before];
    // Where the rules contradict each other, the order of drawing decides.
    const [next] = rest.find(([, others]) => others.size === 0) ?? (rest[0] as [Block, Set<Block>]);
    sorted.push(next);
    before.delete(next);
    for (const others of before.values()) {
      others.delete(next);
    }
  }
  return sorted;
}

function blocksOf(lines: readonly DraftLine[]): Block[] {
  const blocks: Block[] = [];
  for (const line of lines) {
    const block = blocks.at(-1);
    if (block !== undefined && continuesBlock(block, line)) {
      extendBlock(block, line);
    } else {
      blocks.push(blockOf(line));
    }
  }
  return blocks;
}

function blockOf(line: DraftLine): Block {
  const { left, right, baseline, mainSize: size } = line;
  return { lines: [line], left, right, top: baseline - capitalHeight * size, bottom: baseline, size };
}

function extendBlock(block: Block, line: DraftLine): void {
  block.lines.push(line);
  block.left = Math.min(block.left, line.left);
  block.right = Math.max(block.right, line.right);
  block.bottom = line.baseline;
}

/** Divides blocks where a line of another block is between two of their lines. */
function splitBlocks(blocks: readonly Block[]): Block[] {
  const singles = blocks.map(({ lines }) => lines.map(blockOf));
  return singles.flatMap((lines, at) => {
    const others = singles.filter((_, other) => other !== at).flat();
    const parts: Block[] = [];
    for (const line of lines) {
      const part = parts.at(-1);
      const isBetween = ({ top, bottom }: Block) => part !== undefined && part.bottom <= top && bottom <= line.top;
      if (part === undefined || others.some((other) => isBetween(other) && shareWidth(part, other))) {
        parts.push(line);
      } else {
        extendBlock(part, line.lines[0] as DraftLine);
      }
    }
    return parts;
  });
}

function continuesBlock(block: Block, line: DraftLine): boolean {
  const last = block.lines.at(-1) as DraftLine;
  const size = Math.max(last.mainSize, line.mainSize);
  const pitch = line.baseline - last.baseline;
  const isAligned = Math.abs(line.left - last.left) < 0.5 * size || Math.abs(line.right - last.right) < 0.5 * size;
  return (
    pitch > 0 &&
    pitch < (isAligned ? maxAlignedPitch : maxPitch) * size &&
    line.left < block.right &&
    line.right > block.left
  );
}

function isAbove(one: Block, other: Block): boolean {
  return one.bottom <= other.top && shareWidth(one, other);
}

function shareWidth(one: Block, other: Block): boolean {
  const shared = Math.min(one.right, other.right) - Math.max(one.left, other.left);
  return shared > minShared * Math.min(one.right - one.left, other.right - other.left);
}

/** The rules that compare columns. */
class Rules {
  constructor(
    private readonly blocks: readonly Block[],
    private readonly isFromRight: boolean,
  ) {}

  /** True when both are columns beside each other, and `one` is read first. */
  isColumnBefore(one: Block, other: Block): boolean {
    const shared = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
    return (
      isColumn(one) &&
      isColumn(other) &&
      this.isOnFirstSide(one, other) &&
      shared > minBeside * Math.min(one.bottom - one.top, other.bottom - other.top)
    );
  }

  /** True when `one` is above or below a block that is a column before `other`, and nothing between runs across both. */
  isInColumnBefore(one: Block, other: Block): boolean {
    if (!this.isOnFirstSide(one, other)) {
      return false;
    }
    const isOfColumns = this.blocks.some(
      (block) =>
        (shareWidth(block, one) && this.isColumnBefore(block, other)) ||
        (shareWidth(block, other) && this.isColumnBefore(one, block)),
    );
    const [upper, lower] = one.top < other.top ? [one, other] : [other, one];
    return (
      isOfColumns &&
      !this.blocks.some(
        (block) =>
          shareWidth(block, one) && shareWidth(block, other) && block.top >= upper.top && block.bottom <= lower.bottom,
      )
    );
  }

  private isOnFirstSide(one: Block, other: Block): boolean {
    const [left, right] = this.isFromRight ? [other, one] : [one, other];
    return right.left - left.right > gutterGap * Math.min(one.size, other.size);
  }
}

function isColumn({ lines }: Block): boolean {
  return lines.length >= minColumnLines;
}
