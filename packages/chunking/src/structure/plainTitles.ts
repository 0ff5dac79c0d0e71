import type { ChunkLine, ChunkPage } from '../types';
import { hasWord, listOrForm } from './headings';
import { isAtMargin, isInColumn, isNextLine, type Layout } from './layout';
import { isProse } from './prose';

const maxCharacters = 80;
/** A title leaves at least this part of its column free, so its line was ended on purpose. */
const minRoom = 0.35;
/** A full line reaches this part of its column. */
const fullLine = 0.75;
/** A narrower column, in font sizes, is a column of a table or a label. */
const minColumn = 12;
/** The second line of a paragraph begins at most this far left or right of the first, in font sizes. */
const maxIndent = 3;
/** The lines of running text that a column is measured by. */
const measuredLines = 6;

/** A language without capitals shows no difference between title and text. */
const startsTitle = /^\p{Lu}/u;
const titleNumber = /^\d{1,4}(?:\.\d{1,3})*\.?\s+/u;
const startsText = /^["“‘(«„]?\p{Lu}/u;
const endsTitle = /[\p{Ll}\p{Lu})?]$/u;
/** Matches lines that stand alone above text but are not titles: dates, amounts, addresses, names, salutations. */
const otherLine = /[\d@$€£%]|^(?:dear|sincerely|respectfully|re|to|from|cc)\b|\b(?:inc|llp|llc|ltd|corp|jr|sr)\.?$/iu;

/**
 * Finds titles in the style of the text. Such a title is a short line below white space, and right below it begins a
 * paragraph of at least two lines. Its first words would have fitted on the line of the title.
 */
export function findPlainTitles({ lines }: ChunkPage, layout: Layout): Set<number> {
  const titles = new Set<number>();
  if (!layout.isKnown) {
    return titles;
  }
  let before: ChunkLine | undefined;
  for (const [index, line] of lines.entries()) {
    const isPlaced = isAtMargin(line, layout) || isInColumn(line, layout);
    if (isPlaced && isSetOff(before, line, layout) && isTitleText(line) && isAboveText(lines, index, layout)) {
      titles.add(index);
    }
    before = line.text.trim() === '' ? before : line;
  }
  return titles;
}

/** True when `line` has white space above it: it begins the page or a column, or is further away than the lines of a paragraph. */
function isSetOff(before: ChunkLine | undefined, line: ChunkLine, layout: Layout): boolean {
  return before === undefined || before.y0 > line.y1 || (before.y1 <= line.y0 && !isNextLine(before, line, layout));
}

function isTitleText({ text: whole, headingLevel, preformatted }: ChunkLine): boolean {
  if (headingLevel !== undefined || preformatted !== undefined || whole.length > maxCharacters) {
    return false;
  }
  const text = whole.replace(titleNumber, '');
  return (
    startsTitle.test(text) &&
    endsTitle.test(text) &&
    hasWord.test(text) &&
    !text.includes('\t') &&
    !listOrForm.test(text) &&
    !otherLine.test(text)
  );
}

/** True when a paragraph begins below the title, in its column, and the title leaves room in its line. */
function isAboveText(lines: readonly ChunkLine[], index: number, layout: Layout): boolean {
  const [title, first, second] = lines.slice(index, index + 3);
  if (title === undefined || first === undefined || second === undefined) {
    return false;
  }
  const em = first.fontSize / layout.width;
  const isParagraph =
    startsText.test(first.text) &&
    second.text.trim() !== '' &&
    isNextLine(title, first, layout) &&
    isNextLine(first, second, layout) &&
    title.fontSize >= 0.95 * first.fontSize &&
    Math.abs(title.x0 - first.x0) <= em &&
    Math.abs(first.x0 - second.x0) <= maxIndent * em;
  if (!isParagraph || /[:;]$/u.test(first.text) || !isProse([first, second])) {
    return false;
  }
  const width = columnWidth(lines, index + 1, layout);
  return (
    width >= minColumn * em && first.x1 - first.x0 >= fullLine * width && title.x1 - title.x0 <= (1 - minRoom) * width
  );
}

/** The width of the paragraph that begins at `from`. */
function columnWidth(lines: readonly ChunkLine[], from: number, layout: Layout): number {
  const first = lines[from];
  let left = first?.x0 ?? 0;
  let right = first?.x1 ?? 0;
  for (let index = from + 1; index < from + measuredLines; index++) {
    const [before, line] = [lines[index - 1], lines[index]];
    if (before === undefined || line === undefined || !isNextLine(before, line, layout)) {
      break;
    }
    left = Math.min(left, line.x0);
    right = Math.max(right, line.x1);
  }
  return right - left;
}
