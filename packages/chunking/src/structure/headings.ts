import type { ChunkLine } from '../types';
import type { Block } from './block';
import type { BodyStyle } from './bodyStyle';
import { hasHeadingKind, isNamedHeading, joinLines } from './headingRank';
import { areSideBySide, isAtMargin, isInColumn, isNextLine, type Layout } from './layout';
import { isProse } from './prose';

/** A large heading is at least this much larger than body text. */
const largerBy = 1.15;
/** A bold line that is smaller than this, relative to body text, is a label. */
const minLabelSize = 0.95;
/** Among the first blocks of a page, small bold lines may be headings. */
const topBlocks = 3;
const maxCharacters = 150;
/** Longer lines are not searched for a number, because the search takes time quadratic in the length. */
const maxNumberedCharacters = 300;
const maxLines = 3;

/** Three letters, or two letters of a script such as Chinese, in which a letter is a word. */
export const hasWord = /\p{L}.*\p{L}.*\p{L}|\p{Lo}.*\p{Lo}/u;
/** A heading in the style of body text, such as "Item 7." or "Chapter 2: The mill". */
const plainHeading =
  /^(?:part|chapter|appendix|annex|item|section|article|note)\s+(?:\d+[a-z]?|[ivxlc]+|[a-z])(?:\s*$|\s*[.:–—-]\s*(?:$|\p{Lu}))/iu;
/** A caption above the columns of a table. */
const columnCaption =
  /\b(?:(?:three|six|nine|twelve)\s+months|(?:fiscal\s+)?years?)\s+ended\b|^\(?(?:(?:dollars|amounts)\s+|\$\s*)?in\s+(?:thousands|millions|billions)\b/iu;
/** A cell with the number of a heading, then a cell with its title. */
const numberCell =
  /^(?:(?:item|note|part|section|article|chapter)\s+)?(?:\d+[a-z]?|[a-z]|[ivxlc]+)(?:\.\d+)*[.:)]?\t[^\t]*\p{L}[^\t\d]*$/iu;
/** The beginnings of list items and of lines on title pages, in signatures and in forms. */
export const listOrForm = /^(?:[•·▪■◦○●◆➢✓]|by:|\/s\/|name:|title:|date:|☐|☒)/iu;
const endsWithStop = /[,;:，；：。]$/u;

/** The measures that a heading is compared with. */
interface Style {
  body: BodyStyle;
  layout: Layout;
}

/**
 * True when block `index` of a page looks like a heading: it is larger or bolder than body text, or has the words of a
 * heading ("Item 7."). It is also short, at the margin, and not part of a table or a sentence.
 */
export function looksLikeHeading(blocks: readonly Block[], index: number, style: Style): boolean {
  const block = blocks[index];
  const first = block?.lines[0];
  const last = block?.lines.at(-1);
  if (block === undefined || first === undefined || last === undefined) {
    return false;
  }
  if (!style.layout.isKnown || block.isTable || block.lines.length > maxLines) {
    return false;
  }
  const text = block.lines.length === 1 ? first.text : joinLines(block.lines);
  const hasHeadingStyle = isBoldHeading(first, index, style) || isLarger(first, style);
  if (!hasHeadingStyle && !(block.lines.length === 1 && plainHeading.test(text))) {
    return false;
  }
  const [before, after] = [blocks[index - 1], blocks[index + 1]];
  const isPlaced = isAtMargin(first, style.layout) || startsNamedHeading(first) || isOverColumn(first, after, style);
  if (!hasHeadingText(text) || !isPlaced) {
    return false;
  }
  return !isBeside(block, before) && !isBeside(block, after) && !startsSentence(last, after, style.layout);
}

function isBoldHeading(line: ChunkLine, index: number, { body }: Style): boolean {
  const isLabel = line.fontSize < minLabelSize * body.size && index >= topBlocks;
  return line.bold && !body.bold && !isLabel;
}

function isLarger({ fontSize }: ChunkLine, { body, layout }: Style): boolean {
  return fontSize >= largerBy * body.size && fontSize >= largerBy * layout.textSize();
}

function hasHeadingText(text: string): boolean {
  if (text.length > maxCharacters || !hasWord.test(text) || listOrForm.test(text)) {
    return false;
  }
  const endsSentence = endsWithStop.test(text) || (/\.$/u.test(text) && !hasHeadingKind(text));
  return !endsSentence && !columnCaption.test(text);
}

/** True when the blocks are side by side, as column headers are. */
function isBeside(block: Block, other: Block | undefined): boolean {
  const [line] = block.lines;
  return line !== undefined && other?.lines.some((each) => areSideBySide(each, line)) === true;
}

/** True when a paragraph of several lines begins below `line`, at the same left edge: the page has columns. */
function isOverColumn(line: ChunkLine, after: Block | undefined, { layout }: Style): boolean {
  const [first, second] = after?.lines ?? [];
  if (first === undefined || second === undefined || !isInColumn(line, layout)) {
    return false;
  }
  const em = first.fontSize / layout.width;
  return line.y1 <= first.y1 && Math.abs(line.x0 - first.x0) <= em && isProse([first, second]);
}

/** True when `line` is the bold beginning of a sentence that the next block continues in regular type. */
function startsSentence(line: ChunkLine, after: Block | undefined, layout: Layout): boolean {
  const next = after?.lines[0];
  return next !== undefined && /^\p{Ll}/u.test(next.text) && !next.bold && isNextLine(line, next, layout);
}

/** True for a bold line of two cells. The first cell is a number, such as "Item 7.". */
export function isNumberedHeading(line: ChunkLine, body: BodyStyle): boolean {
  return line.bold && !body.bold && line.text.length <= maxNumberedCharacters && numberCell.test(line.text);
}

/** True for a bold line such as "Part II". It always begins a heading, even within a paragraph. */
export function startsNamedHeading(line: ChunkLine): boolean {
  return line.bold && isNamedHeading(line.text);
}
