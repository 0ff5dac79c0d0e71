import type { ChunkLine, ChunkPage } from './types';

/** Running headers and footers have fewer rows than this. */
export const edgeRows = 4;
/** Rows further apart, in font sizes, are not of one table. */
const tableGap = 3;
/** Lines of a paragraph lie at most this much further apart than the page's tight rows. */
const paragraphGap = 1.3;
/** A printed page number is at most this much larger than the page's place in the document. */
const maxPageOffset = 300;
const maxCharacters = 300;
/** A row of more lines is text, as the labels of a map: they chain from the top of a page to its bottom. */
const maxRowLines = 50;

/** A line at the top or bottom of a page, and what it must share with those of other pages to be a running one. */
export interface EdgeLine {
  line: ChunkLine;
  /** The text as it stands: the same on other pages for a running title. Null for a line too long to be one. */
  text: string | null;
  /** The text with a page number in it replaced by its distance from the page: the same on other pages, too. */
  numbered: string[];
  /** The same for a number that only ends a title, and may just as well be part of it. */
  perhapsNumbered: string[];
  /** How a number alone would be told as a page number if it counted on with those in this line. */
  alone: string[];
  /** True when a table begins or ends here. */
  besideTable: boolean;
  /** True when the next row inside is as close as lines of one paragraph, and set alike. */
  joined: boolean;
}

/** A page's rows from the outside to the inside. */
export interface Edges {
  top: EdgeLine[][];
  bottom: EdgeLine[][];
}

/** The outer rows of a page; none where nothing is known of the layout. */
export function edgesOf(page: ChunkPage): Edges {
  if (!hasLayout(page)) {
    return { top: [], bottom: [] };
  }
  const rows = rowsOf(page);
  const pitch = paragraphGap * pitchOf(rows);
  return { top: edgeOf('top', rows, page, pitch), bottom: edgeOf('bottom', rows.reverse(), page, pitch) };
}

/** False when all lines of the page are said to stand in the same place. */
export function hasLayout({ lines }: ChunkPage): boolean {
  const [first] = lines;
  return first !== undefined && lines.some(({ y0, y1 }) => y0 !== first.y0 || y1 !== first.y1);
}

/** Lines side by side make a row; rows from the top down. */
function rowsOf(page: ChunkPage): ChunkLine[][] {
  const middle = ({ y0, y1 }: ChunkLine) => (y0 + y1) / 2;
  const lines = page.lines.filter(({ text }) => text.trim() !== '').sort((a, b) => middle(a) - middle(b));
  const rows: ChunkLine[][] = [];
  let before: ChunkLine | undefined;
  for (const line of lines) {
    const reach = (0.5 * line.fontSize) / Math.max(1, page.height);
    const row = rows.at(-1);
    if (before !== undefined && row !== undefined && middle(line) - middle(before) < reach) {
      row.push(line);
    } else {
      rows.push([line]);
    }
    before = line;
  }
  return rows;
}

/** From one row to the next where they are tight, as a fraction of the height. */
function pitchOf(rows: readonly ChunkLine[][]): number {
  const distances = rows
    .slice(1)
    .map((row, index) => (row[0]?.y1 ?? 0) - (rows[index]?.[0]?.y1 ?? 0))
    .sort((a, b) => a - b);
  return distances[distances.length >> 2] ?? 0;
}

function edgeOf(edge: string, rows: readonly ChunkLine[][], page: ChunkPage, pitch: number): EdgeLine[][] {
  const text = rows.findIndex((row) => row.length > maxRowLines);
  return rows.slice(0, text < 0 ? edgeRows : Math.min(edgeRows, text)).map((row, index) => {
    const besideTable = isBesideTable(rows.slice(index, index + 3), page.height);
    const [inner] = rows[index + 1] ?? [];
    return row.map((line) => {
      const forms =
        line.text.length > maxCharacters
          ? { text: null, numbered: [], perhapsNumbered: [], alone: [] }
          : { text: `${edge} ${line.text}`, ...numberedForms(edge, line.text, page.page) };
      return { line, ...forms, besideTable, joined: inner !== undefined && isJoined(line, inner, pitch) };
    });
  });
}

function isJoined(line: ChunkLine, inner: ChunkLine, pitch: number): boolean {
  const alike = line.bold === inner.bold && Math.abs(line.fontSize - inner.fontSize) <= 0.1 * inner.fontSize;
  return alike && Math.abs(inner.y1 - line.y1) <= pitch;
}

/** True when one of the two rows further inside has cells and is not far away. */
function isBesideTable(rows: readonly ChunkLine[][], height: number): boolean {
  for (const [index, row] of rows.slice(1).entries()) {
    const outer = rows[index]?.[0];
    const [inner] = row;
    if (outer === undefined || inner === undefined) {
      return false;
    }
    if (Math.abs(inner.y1 - outer.y1) * height > tableGap * Math.max(outer.fontSize, inner.fontSize)) {
      return false;
    }
    if (row.length > 1 || inner.text.includes('\t')) {
      return true;
    }
  }
  return false;
}

const numberPattern = /\d+/gu;
const divider = /[\t|•·–—\-/:([]\s*$/u;
const pageWord = /(?:^|[\s|•·–—\-/:([])(?:page|pg\.?|p\.|seite|página|pagina|стр\.)\s*$/iu;
const afterPattern = /^\s*(?:$|[\t|•·–—\-/)\]]|(?:of|von|de|sur|из)\s+\d)/iu;
const titleEnd = /\p{L}\S*\s+$/u;
/** "Exhibit 4" is a heading of its own, even when each page has the next one. */
const counted =
  /(?:^|\s)(?:part|chapter|appendix|exhibit|annex|item|section|article|schedule|note|table|figure|fig\.|slide|sheet|question|exercise|example|problem|lesson|unit|module|week|day|month|quarter|year|phase|step|stage|level|round|session|case|volume|vol\.|number|no\.)\s+$/iu;
const romanPattern = /^([\s\-–—]*(?:page\s+)?)([ivxlc]{1,8})([\s\-–—]*)$/iu;

/** For each number that may be a page number: the text with its distance from the page instead. */
function numberedForms(
  edge: string,
  text: string,
  page: number,
): Pick<EdgeLine, 'numbered' | 'perhapsNumbered' | 'alone'> {
  const forms = { numbered: [] as string[], perhapsNumbered: [] as string[], alone: [] as string[] };
  const roman = romanPattern.exec(text);
  if (roman !== null) {
    forms.numbered.push(`${edge} ${roman[1]}#${romanValue(roman[2] ?? '') - page}${roman[3]}`);
    return forms;
  }
  for (const { 0: digits, index } of text.matchAll(numberPattern)) {
    const before = text.slice(0, index);
    const after = text.slice(index + digits.length);
    const offset = Number(digits) - page;
    const setOff = isSetOff(before, after);
    const endsTitle = after.trim() === '' && titleEnd.test(before) && !counted.test(before);
    if (offset <= maxPageOffset && (setOff || endsTitle)) {
      (setOff ? forms.numbered : forms.perhapsNumbered).push(`${edge} ${before}#${offset}${after}`);
      if (before !== '' || after !== '') {
        forms.alone.push(`${edge} #${offset}`);
      }
    }
  }
  return forms;
}

/** True for a number that stands alone, apart from the rest, or before it. */
function isSetOff(before: string, after: string): boolean {
  if (before.trim() === '') {
    return afterPattern.test(after) || /^\s+\p{L}/u.test(after);
  }
  return (divider.test(before) || pageWord.test(before)) && afterPattern.test(after);
}

const romanDigits: Record<string, number> = { i: 1, v: 5, x: 10, l: 50, c: 100 };

function romanValue(numeral: string): number {
  let value = 0;
  let last = 0;
  for (const character of [...numeral.toLowerCase()].reverse()) {
    const digit = romanDigits[character] ?? 0;
    value += digit < last ? -digit : digit;
    last = Math.max(last, digit);
  }
  return value;
}
