import type { Block } from './blocks';
import type { BodyText } from './bodyText';
import { isAtMargin, isBeside, isClose, type Layout } from './layout';
import type { ChunkLine } from './types';

/** Headings are this much larger than running text. */
const largerBy = 1.15;
/** Bold lines smaller than this are labels, except at the top of a page. */
const notSmaller = 0.95;
const topBlocks = 3;
const maxCharacters = 150;
/** Longer lines are not looked at for a number before a heading: the search takes the square of the length. */
const maxNumberedCharacters = 300;
const maxLines = 3;

/** The kinds of headings that say what they are, from the outermost in. */
const kinds = [
  /^(?:part|chapter|appendix|exhibit|annex)\s+(?:[\divxlc]+|[a-z])\b/iu,
  /^(?:(?:item|section|article|schedule)\s+(?:[\divxlc]+|[a-z])|signatures?$)/iu,
  /^note\s+\d/iu,
];
const numbers = /^(\d{1,3}(?:\.\d{1,3})*)\.?\s+\p{L}/u;
/** Three letters, or two that are words by themselves, as in Chinese. */
const hasWord = /\p{L}.*\p{L}.*\p{L}|\p{Lo}.*\p{Lo}/u;
/** What follows the number of a heading that is set as running text is. */
const plainNamed =
  /^(?:part|chapter|appendix|annex|item|section|article|note)\s+(?:\d+[a-z]?|[ivxlc]+|[a-z])(?:\s*$|\s*[.:–—-]\s*(?:$|\p{Lu}))/iu;
/** What stands over the columns of a table. */
const period =
  /\b(?:(?:three|six|nine|twelve)\s+months|(?:fiscal\s+)?years?)\s+ended\b|^\(?(?:(?:dollars|amounts)\s+|\$\s*)?in\s+(?:thousands|millions|billions)\b/iu;
/** The number of a heading that stands apart from it. */
const numberCell =
  /^(?:(?:item|note|part|section|article|chapter)\s+)?(?:\d+[a-z]?|[a-z]|[ivxlc]+)(?:\.\d+)*[.:)]?\t[^\t]*\p{L}[^\t\d]*$/iu;
const caption =
  /\s*[([](?:continued|cont[.'’]d?|(?:dollars |amounts |\$ )?in (?:thousands|millions|billions)[^)\]]*|unaudited)[)\]]$/iu;
/** What one line of a title page, a signature or a form is, but no heading. */
const noTitle = /^(?:[•·▪■◦○●◆➢✓]|by:|\/s\/|name:|title:|date:|☐|☒)/iu;

/** How a heading ranks among others. */
export interface Rank {
  /** The depth the input gave; null when the font says it. */
  level: number | null;
  /** Which of the kinds that say what they are; deeper numbers are deeper kinds; null for any other. */
  kind: number | null;
  size: number;
  bold: boolean;
  capitals: boolean;
}

/** True when block `index` of a page is set as a heading: larger or bolder than running text, or called one. */
export function isFontHeading(blocks: readonly Block[], index: number, body: BodyText, layout: Layout): boolean {
  const block = blocks[index];
  if (block === undefined) {
    return false;
  }
  const after = blocks[index + 1];
  const { lines } = block;
  const [first] = lines;
  const last = lines.at(-1);
  if (!layout.known || first === undefined || last === undefined || block.rows || lines.length > maxLines) {
    return false;
  }
  const text = lines.length === 1 ? first.text : textOf(lines);
  const isSmall = first.fontSize < notSmaller * body.size && index >= topBlocks;
  const isBold = first.bold && !body.bold && !isSmall;
  const isLarger = first.fontSize >= largerBy * body.size && first.fontSize >= largerBy * layout.textSize();
  const stands = isBold || isLarger;
  if (!stands && !(lines.length === 1 && plainNamed.test(text))) {
    return false;
  }
  if (text.length > maxCharacters || !hasWord.test(text) || noTitle.test(text)) {
    return false;
  }
  if (/[,;:，；：。]$/u.test(text) || (/\.$/u.test(text) && kindOf(text) === null) || period.test(text)) {
    return false;
  }
  if (!(isAtMargin(first, layout) || isNamedTitle(first)) || standBeside(block, blocks[index - 1])) {
    return false;
  }
  if (standBeside(block, after)) {
    return false;
  }
  // The bold beginning of a sentence is none.
  const next = after?.lines[0];
  return !(next !== undefined && /^\p{Ll}/u.test(next.text) && !next.bold && isClose(last, next, layout));
}

/** True when the blocks stand side by side, as the heads of columns do. */
function standBeside(block: Block, other: Block | undefined): boolean {
  const [line] = block.lines;
  return line !== undefined && other?.lines.some((each) => isBeside(each, line)) === true;
}

/** True for a bold line of two cells, the first of which is a number such as "Item 7.". */
export function isNumberedTitle(line: ChunkLine, body: BodyText): boolean {
  return line.bold && !body.bold && line.text.length <= maxNumberedCharacters && numberCell.test(line.text);
}

/** True for a line that begins a heading of its own, whatever stands before it. */
export function isNamedTitle(line: ChunkLine): boolean {
  return line.bold && (kindOf(line.text) ?? kinds.length) < kinds.length;
}

/** The heading as a title: without a full stop, or what says that it goes on or how numbers are given. */
export function titleOf(block: Block): string {
  return textOf(block.lines).replace(caption, '').replace(/\.$/u, '');
}

export function rankOf(block: Block): Rank {
  const [first] = block.lines;
  const text = titleOf(block);
  return {
    level: first?.headingLevel ?? null,
    kind: kindOf(text),
    size: first?.fontSize ?? 0,
    bold: first?.bold ?? false,
    capitals: text === text.toUpperCase(),
  };
}

/** True when a heading of rank `outer` may hold sections of rank `inner`. */
export function outranks(outer: Rank, inner: Rank): boolean {
  if (outer.level !== null && inner.level !== null) {
    return outer.level < inner.level;
  }
  if (inner.kind !== null) {
    // Nothing but its own kind stands over "Part II" or "Item 7"; over "2.1", also what is larger.
    const larger = inner.kind >= kinds.length && outer.size > inner.size + 0.5;
    return outer.kind === null ? larger : outer.kind < inner.kind;
  }
  if (outer.size > inner.size + 0.5 || outer.size < inner.size - 0.5) {
    return outer.size > inner.size || (outer.kind !== null && outer.kind < kinds.length);
  }
  if (outer.kind !== null) {
    return true;
  }
  if (outer.bold !== inner.bold) {
    return outer.bold;
  }
  return outer.capitals && !inner.capitals;
}

function textOf(lines: readonly ChunkLine[]): string {
  return lines
    .map(({ text }) => text)
    .join(' ')
    .replace(/\s+/gu, ' ')
    .trim();
}

function kindOf(text: string): number | null {
  const named = kinds.findIndex((kind) => kind.test(text));
  if (named >= 0) {
    return named;
  }
  const depth = numbers.exec(text)?.[1]?.split('.').length;
  return depth === undefined ? null : kinds.length - 1 + depth;
}
