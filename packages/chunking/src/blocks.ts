import type { BodyText } from './bodyText';
import { isFontHeading, isNamedTitle, isNumberedTitle } from './headings';
import { isClose, isCloseRow, isShort, type Layout, layoutOf } from './layout';
import type { ChunkLine, ChunkPage } from './types';

/** A paragraph, a table or a heading: lines of one page that belong together. */
export interface Block {
  page: number;
  lines: ChunkLine[];
  /** True when every line is a row of its own; false when the lines are one running text. */
  rows: boolean;
  /** True when the block is a heading. */
  heading: boolean;
  /** True when the block is a point of a list. */
  item: boolean;
  /** True when the block should stay with the one that follows it: a heading, or a line such as "as follows:". */
  introduces: boolean;
  /** True when the block goes on with the last paragraph of the page or column before. */
  continues: boolean;
  /** The heading path the block stands under. */
  section: string | null;
  /** True when a new section begins with the block. */
  startsSection: boolean;
}

const bullet = /^(?:[•·▪■◦○●◆➢✓]|\(?(?:[a-z]{1,2}|[ivx]{1,4}|\d{1,2})\))\s/u;
const numbered = /^(?:[-–—*]|\d{1,2}\.)\s/u;
const thoughtEnd = /[.!?:;]["”’)\]]*$/u;
/** A bold sentence up to this long introduces what follows. */
const maxBoldLines = 5;

/** Divides pages into blocks. Pages come in order. */
export class BlockMaker {
  private last: { block: Block; layout: Layout } | null = null;

  /** @param starts Indices of lines that must begin a block, and whether that block is a heading. */
  blocksOf(page: ChunkPage, body: BodyText, starts: ReadonlyMap<number, boolean>): Block[] {
    const layout = layoutOf(page);
    const blocks = divide(page, body, layout, starts);
    for (const [index, block] of blocks.entries()) {
      const [line] = block.lines;
      const explicit = line?.headingLevel !== undefined;
      block.heading ||= explicit || isFontHeading(blocks, index, body, layout);
      block.item = !block.rows && line !== undefined && (bullet.test(line.text) || numbered.test(line.text));
      block.introduces = block.heading || isLeadIn(block, body, layout);
      if (this.last !== null && isNextTo(this.last.block, block)) {
        block.continues = goesOn(this.last.block, this.last.layout, block);
        block.item ||= block.continues && this.last.block.item;
      }
      this.last = { block, layout };
    }
    return blocks;
  }
}

function divide(page: ChunkPage, body: BodyText, layout: Layout, starts: ReadonlyMap<number, boolean>): Block[] {
  const { lines } = page;
  const blocks: Block[] = [];
  let block: Block | null = null;
  for (const [index, line] of lines.entries()) {
    if (line.text.trim() === '') {
      continue;
    }
    const isTable = isRow(lines, index, body, layout, line);
    if (block === null || starts.has(index) || !belongs(block, line, isTable, layout)) {
      block = newBlock(page.page, isTable);
      block.heading = starts.get(index) === true;
      blocks.push(block);
    }
    block.lines.push(line);
  }
  return blocks;
}

function newBlock(page: number, rows: boolean): Block {
  return {
    page,
    lines: [],
    rows,
    heading: false,
    item: false,
    introduces: false,
    continues: false,
    section: null,
    startsSection: false,
  };
}

/** True for a line with cells, and for a short line close to one: a label without numbers. */
function isRow(lines: readonly ChunkLine[], index: number, body: BodyText, layout: Layout, line: ChunkLine): boolean {
  if (hasCells(line, body)) {
    return true;
  }
  if (line.headingLevel !== undefined || !isShort(line, layout) || isNamedTitle(line)) {
    return false;
  }
  const before = lines[index - 1];
  const after = lines[index + 1];
  return (
    (before !== undefined && hasCells(before, body) && isClose(before, line, layout)) ||
    (after !== undefined && hasCells(after, body) && isClose(line, after, layout))
  );
}

function hasCells(line: ChunkLine, body: BodyText): boolean {
  return line.text.includes('\t') && line.headingLevel === undefined && !isNumberedTitle(line, body);
}

function belongs(block: Block, line: ChunkLine, isTable: boolean, layout: Layout): boolean {
  const before = block.lines.at(-1);
  if (before === undefined || block.rows !== isTable) {
    return false;
  }
  if (!layout.known) {
    return isTable;
  }
  if (line.headingLevel !== undefined || before.headingLevel !== undefined) {
    return false;
  }
  if (!(isTable ? isCloseRow(before, line, layout) : isClose(before, line, layout))) {
    return false;
  }
  const larger = Math.max(before.fontSize, line.fontSize);
  if (Math.abs(before.fontSize - line.fontSize) > 0.12 * larger) {
    return false;
  }
  if (isTable) {
    return true;
  }
  if (isNamedTitle(line)) {
    return false;
  }
  if (before.bold !== line.bold || line.x0 > before.x1) {
    return false;
  }
  // The last word of an indented paragraph may stand wholly left of its first line.
  if (line.x1 < before.x0 && isShort(before, layout)) {
    return false;
  }
  const endsThought = thoughtEnd.test(before.text);
  if (bullet.test(line.text) || (endsThought && (isShort(before, layout) || numbered.test(line.text)))) {
    return false;
  }
  return indentationFits(block, before, line, larger / layout.width, layout);
}

/** False when the line's left edge says that a paragraph begins. `em` is the font size as a fraction of the width. */
function indentationFits(block: Block, before: ChunkLine, line: ChunkLine, em: number, layout: Layout): boolean {
  const shift = line.x0 - before.x0;
  if (Math.abs(shift) <= em || Math.abs(line.x0 + line.x1 - before.x0 - before.x1) < 2 * em) {
    return true;
  }
  if (block.lines.length > 1) {
    return false;
  }
  // A second line may hang below a bullet, or stand left of an indented first line.
  return shift < 0 || !isShort(before, layout);
}

/** A plain line of its own that ends without a full stop, such as a heading in italics, or a bold sentence. */
function isLeadIn(block: Block, body: BodyText, layout: Layout): boolean {
  const [line] = block.lines;
  if (line === undefined || block.rows || block.item) {
    return false;
  }
  if (/:$/u.test(block.lines.at(-1)?.text ?? '')) {
    return true;
  }
  if (line.bold && !body.bold && block.lines.length <= maxBoldLines) {
    return true;
  }
  return block.lines.length === 1 && isShort(line, layout) && /\p{L}$/u.test(line.text);
}

/** True when a page or a column ends between the blocks. */
function isNextTo(last: Block, next: Block): boolean {
  if (next.page !== last.page) {
    // What a page between them says is not known when it could not be read.
    return next.page === last.page + 1;
  }
  const before = last.lines.at(-1);
  const [line] = next.lines;
  const isHigher = before !== undefined && line !== undefined && line.y1 < before.y0;
  return isHigher && last.lines.every(({ x1 }) => x1 <= line.x0);
}

/** True when `next`, the first block of a page or column, goes on with `last`, the last block of the one before. */
function goesOn(last: Block, layout: Layout, next: Block): boolean {
  const before = last.lines.at(-1);
  const [line] = next.lines;
  if (before === undefined || line === undefined || last.rows || next.rows || last.heading || next.heading) {
    return false;
  }
  return (
    layout.known &&
    before.bold === line.bold &&
    Math.abs(before.fontSize - line.fontSize) <= 0.12 * before.fontSize &&
    !thoughtEnd.test(before.text) &&
    (/^\p{Ll}/u.test(line.text) || !isShort(before, layout)) &&
    !bullet.test(line.text) &&
    !numbered.test(line.text)
  );
}
