import type { ChunkLine, ChunkPage } from './types';

/** A paragraph, a table or a heading: lines of one page that belong together. */
export interface Block {
  page: number;
  lines: ChunkLine[];
  /** True when every line is a row of its own; false when the lines are one running text. */
  rows: boolean;
  /** True when the block is set as a heading. */
  heading: boolean;
  /** True when the block should stay with the one that follows it: a heading, or a line such as "as follows:". */
  introduces: boolean;
  /** The heading path the block stands under. */
  section: string | null;
  /** True when a new section begins with the block. */
  startsSection: boolean;
}

/** Lines of one paragraph lie at most this much further apart than the page's tight lines. */
const PARAGRAPH_GAP = 1.3;
/** A line is short when it ends this much (in page widths) before the text's right edge. */
const SHORT_BY = 0.12;
const MAX_HEADING_CHARACTERS = 150;
const MAX_HEADING_LINES = 3;

const BULLET = /^(?:[•·▪■◦○●◆➢✓]|\(?(?:[a-z]{1,2}|[ivx]{1,4}|\d{1,2})\))\s/u;
const NUMBERED = /^(?:[-–—*]|\d{1,2}\.)\s/u;
const ENDS_THOUGHT = /[.!?:;]["”’)\]]*$/u;

interface Layout {
  height: number;
  width: number;
  /** Distance between the tighter lines of the page, in font sizes. */
  leading: number;
  /** Where the page's text ends on the right, as a fraction. */
  right: number;
}

/**
 * Divides a page's lines into blocks.
 * @param bodySize The font size of the document's running text, in points.
 * @param starts Indices of lines that must begin a block.
 */
export function makeBlocks(page: ChunkPage, bodySize: number, starts: ReadonlySet<number>): Block[] {
  const { lines } = page;
  const layout = layoutOf(page);
  const rows = lines.map((line, index) => isRow(lines, index, layout, line));
  const blocks: Block[] = [];
  let block: Block | null = null;
  for (const [index, line] of lines.entries()) {
    if (line.text.trim() === '') {
      continue;
    }
    const isTable = rows[index] === true;
    if (block === null || starts.has(index) || !belongs(block, line, isTable, layout)) {
      block = newBlock(page.page, isTable);
      blocks.push(block);
    }
    block.lines.push(line);
  }
  for (const made of blocks) {
    made.heading = isHeading(made, bodySize);
    made.introduces = made.heading || isLeadIn(made, layout);
  }
  return blocks;
}

function newBlock(page: number, rows: boolean): Block {
  return { page, lines: [], rows, heading: false, introduces: false, section: null, startsSection: false };
}

function layoutOf(page: ChunkPage): Layout {
  const { lines } = page;
  const height = Math.max(1, page.height);
  const distances: number[] = [];
  let right = 0;
  for (const [index, line] of lines.entries()) {
    right = Math.max(right, line.x1);
    const before = lines[index - 1];
    if (before !== undefined) {
      const distance = distanceOf(before, line, height);
      if (distance > 0.5 && distance < 4) {
        distances.push(distance);
      }
    }
  }
  distances.sort((a, b) => a - b);
  return { height, width: Math.max(1, page.width), leading: distances[distances.length >> 2] ?? 1.2, right };
}

/** How far `line` is below `before`, in font sizes. */
function distanceOf(before: ChunkLine, line: ChunkLine, height: number): number {
  return ((line.y1 - before.y1) * height) / Math.max(1, before.fontSize, line.fontSize);
}

function isClose(before: ChunkLine, line: ChunkLine, layout: Layout): boolean {
  const distance = distanceOf(before, line, layout.height);
  return distance > 0.2 && distance <= PARAGRAPH_GAP * layout.leading;
}

/** True for a line with cells, and for a short line close to one: a label without numbers. */
function isRow(lines: readonly ChunkLine[], index: number, layout: Layout, line: ChunkLine): boolean {
  if (line.text.includes('\t')) {
    return true;
  }
  if (!isShort(line, layout)) {
    return false;
  }
  const before = lines[index - 1];
  const after = lines[index + 1];
  return (
    (before?.text.includes('\t') === true && isClose(before, line, layout)) ||
    (after?.text.includes('\t') === true && isClose(line, after, layout))
  );
}

function isShort(line: ChunkLine, layout: Layout): boolean {
  return line.x1 < layout.right - SHORT_BY;
}

function belongs(block: Block, line: ChunkLine, isTable: boolean, layout: Layout): boolean {
  const before = block.lines.at(-1);
  if (before === undefined || block.rows !== isTable || !isClose(before, line, layout)) {
    return false;
  }
  const larger = Math.max(before.fontSize, line.fontSize);
  if (Math.abs(before.fontSize - line.fontSize) > 0.12 * larger) {
    return false;
  }
  if (isTable) {
    return true;
  }
  if (before.bold !== line.bold || line.x0 > before.x1) {
    return false;
  }
  // The last word of an indented paragraph may stand wholly left of its first line.
  if (line.x1 < before.x0 && isShort(before, layout)) {
    return false;
  }
  const endsThought = ENDS_THOUGHT.test(before.text);
  if (BULLET.test(line.text) || (endsThought && (isShort(before, layout) || NUMBERED.test(line.text)))) {
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

function isHeading(block: Block, bodySize: number): boolean {
  const { lines } = block;
  const [first] = lines;
  if (first === undefined || block.rows || lines.length > MAX_HEADING_LINES) {
    return false;
  }
  if (!first.bold && first.fontSize < 1.15 * bodySize) {
    return false;
  }
  const characters = lines.reduce((sum, line) => sum + line.text.length, 0);
  const last = lines.at(-1)?.text ?? '';
  return characters <= MAX_HEADING_CHARACTERS && /\p{L}/u.test(first.text) && !/[.,;]$/u.test(last);
}

/** A plain line of its own that ends without a full stop, such as a heading in italics. */
function isLeadIn(block: Block, layout: Layout): boolean {
  const [line] = block.lines;
  if (line === undefined || block.rows) {
    return false;
  }
  if (/:$/u.test(block.lines.at(-1)?.text ?? '')) {
    return true;
  }
  return block.lines.length === 1 && isShort(line, layout) && /\p{L}$/u.test(line.text);
}
