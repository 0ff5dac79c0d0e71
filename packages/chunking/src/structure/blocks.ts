import type { ChunkLine, ChunkPage } from '../types';
import { type Block, newBlock } from './block';
import type { BodyStyle } from './bodyStyle';
import { isNumberedHeading, looksLikeHeading, startsNamedHeading } from './headings';
import { isNextLine, isNextRow, isShort, type Layout, measureLayout } from './layout';
import { findPlainTitles } from './plainTitles';

const bullet = /^(?:[•·▪■◦○●◆➢✓]|\(?(?:[a-z]{1,2}|[ivx]{1,4}|\d{1,2})\))\s/u;
/** A dash or a number such as "1.": it begins an item, or it is part of a sentence. */
const weakBullet = /^(?:[-–—*]|\d{1,2}\.)\s/u;
const sentenceEnd = /[.!?:;]["”’)\]]*$/u;
/** A bold paragraph of at most this many lines introduces what follows. */
const maxBoldLines = 5;
/** The font sizes of lines of one block differ by at most this part. */
const sizeTolerance = 0.12;

/** Divides pages into blocks. Pages come in order. */
export class BlockBuilder {
  private last: { block: Block; layout: Layout } | null = null;

  /** @param starts Indices of lines that must begin a block, and whether that block is a heading. */
  build(page: ChunkPage, body: BodyStyle, starts: ReadonlyMap<number, boolean>): Block[] {
    const layout = measureLayout(page);
    const blocks = new PageDivider(page, body, layout).divide(withPlainTitles(starts, page, layout));
    for (const [index, block] of blocks.entries()) {
      const [line] = block.lines;
      const isMarked = line?.headingLevel !== undefined;
      block.isHeading ||= isMarked || looksLikeHeading(blocks, index, { body, layout });
      block.isItem = !block.isTable && line !== undefined && startsItem(line.text);
      block.introduces = block.isHeading || isLeadIn(block, body, layout);
      if (this.last !== null && isAfterBreak(this.last.block, block)) {
        block.continues = continuesText(this.last.block, this.last.layout, block);
        block.isItem ||= block.continues && this.last.block.isItem;
      }
      this.last = { block, layout };
    }
    return blocks;
  }
}

/** Adds the titles in the style of the text to the lines that must begin a block. What the outline says comes first. */
function withPlainTitles(
  starts: ReadonlyMap<number, boolean>,
  page: ChunkPage,
  layout: Layout,
): ReadonlyMap<number, boolean> {
  const all = new Map(starts);
  for (const index of findPlainTitles(page, layout)) {
    all.set(index, true);
    all.set(index + 1, starts.get(index + 1) ?? false);
  }
  return all;
}

function startsItem(text: string): boolean {
  return bullet.test(text) || weakBullet.test(text);
}

/** Gathers the lines of one page into blocks. */
class PageDivider {
  constructor(
    private readonly page: ChunkPage,
    private readonly body: BodyStyle,
    private readonly layout: Layout,
  ) {}

  divide(starts: ReadonlyMap<number, boolean>): Block[] {
    const blocks: Block[] = [];
    let block: Block | null = null;
    for (const [index, line] of this.page.lines.entries()) {
      if (line.text.trim() === '') {
        block = line.preformatted === true ? null : block;
        continue;
      }
      const isRow = this.isRow(line, index);
      if (block === null || starts.has(index) || !this.belongs(block, line, isRow)) {
        block = newBlock(this.page.page, isRow);
        block.isHeading = starts.get(index) === true;
        blocks.push(block);
      }
      block.lines.push(line);
    }
    return blocks;
  }

  /**
   * True for a preformatted line, for a line with cells, and for a short line next to one: a row that has a label but no
   * numbers.
   */
  private isRow(line: ChunkLine, index: number): boolean {
    if (line.preformatted === true || this.hasCells(line)) {
      return true;
    }
    if (line.headingLevel !== undefined || !isShort(line, this.layout) || startsNamedHeading(line)) {
      return false;
    }
    const before = this.page.lines[index - 1];
    const after = this.page.lines[index + 1];
    return (
      (before !== undefined && this.hasCells(before) && isNextLine(before, line, this.layout)) ||
      (after !== undefined && this.hasCells(after) && isNextLine(line, after, this.layout))
    );
  }

  private hasCells(line: ChunkLine): boolean {
    return line.text.includes('\t') && line.headingLevel === undefined && !isNumberedHeading(line, this.body);
  }

  /** True when `line` is the next line of the block's paragraph or the next row of its table. */
  private belongs(block: Block, line: ChunkLine, isRow: boolean): boolean {
    const { layout } = this;
    const before = block.lines.at(-1);
    if (before === undefined || block.isTable !== isRow || before.preformatted !== line.preformatted) {
      return false;
    }
    if (!layout.isKnown) {
      return isRow;
    }
    if (line.headingLevel !== undefined || before.headingLevel !== undefined || !haveOneSize(before, line)) {
      return false;
    }
    return isRow
      ? isNextRow(before, line, layout)
      : isNextLine(before, line, layout) && this.continuesParagraph(block, before, line);
  }

  private continuesParagraph(block: Block, before: ChunkLine, line: ChunkLine): boolean {
    const { layout } = this;
    if (startsNamedHeading(line) || before.bold !== line.bold || line.x0 > before.x1) {
      return false;
    }
    // The last word of a paragraph may be wholly left of an indented first line, unless that line is short.
    if (line.x1 < before.x0 && isShort(before, layout)) {
      return false;
    }
    const endsSentence = sentenceEnd.test(before.text);
    if (bullet.test(line.text) || (endsSentence && (isShort(before, layout) || weakBullet.test(line.text)))) {
      return false;
    }
    return this.indentationFits(block, before, line);
  }

  /** False when the left edge of `line` shows that it begins a paragraph. */
  private indentationFits(block: Block, before: ChunkLine, line: ChunkLine): boolean {
    const em = Math.max(before.fontSize, line.fontSize) / this.layout.width;
    const shift = line.x0 - before.x0;
    const isCentred = Math.abs(line.x0 + line.x1 - before.x0 - before.x1) < 2 * em;
    if (Math.abs(shift) <= em || isCentred) {
      return true;
    }
    if (block.lines.length > 1) {
      return false;
    }
    // The second line may be left of an indented first line, or right of a bullet.
    return shift < 0 || !isShort(before, this.layout);
  }
}

function haveOneSize(before: ChunkLine, line: ChunkLine): boolean {
  const larger = Math.max(before.fontSize, line.fontSize);
  return Math.abs(before.fontSize - line.fontSize) <= sizeTolerance * larger;
}

/** True for text that ends in a colon, short bold text, and a short line that ends in a letter, such as a title in italics. */
function isLeadIn(block: Block, body: BodyStyle, layout: Layout): boolean {
  const [line] = block.lines;
  if (line === undefined || block.isTable || block.isItem) {
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

/** True when exactly one page break or column break is between the blocks. */
function isAfterBreak(last: Block, next: Block): boolean {
  if (next.page !== last.page) {
    // After a page that could not be read, nothing continues: its text is unknown.
    return next.page === last.page + 1;
  }
  const before = last.lines.at(-1);
  const [line] = next.lines;
  const isHigher = before !== undefined && line !== undefined && line.y1 < before.y0;
  return isHigher && last.lines.every(({ x1 }) => x1 <= line.x0);
}

/** True when `next`, the first block after a break, continues the paragraph `last` from before the break. */
function continuesText(last: Block, layout: Layout, next: Block): boolean {
  const before = last.lines.at(-1);
  const [line] = next.lines;
  if (before === undefined || line === undefined || last.isTable || next.isTable || last.isHeading || next.isHeading) {
    return false;
  }
  return (
    layout.isKnown &&
    before.bold === line.bold &&
    Math.abs(before.fontSize - line.fontSize) <= sizeTolerance * before.fontSize &&
    !sentenceEnd.test(before.text) &&
    (/^\p{Ll}/u.test(line.text) || !isShort(before, layout)) &&
    !startsItem(line.text)
  );
}
