import { hasLayout } from '../structure/layout';
import type { ChunkLine, ChunkPage } from '../types';
import { type PageNumberKeys, pageNumberKeys } from './pageNumbers';

/** Running headers and footers have fewer rows than this. */
export const edgeRows = 4;
/** The largest distance between rows of one table, in font sizes. */
const maxTablePitch = 3;
/** The largest distance between lines of one paragraph, in units of the distance between the page's tight rows. */
const maxParagraphPitch = 1.3;
const maxCharacters = 300;
/** A row of more lines is content, such as the labels of a map. They chain from the top of a page to its bottom. */
const maxRowLines = 50;

/** A line at the top or bottom of a page, with the keys by which it is compared with lines of other pages. */
export interface EdgeLine {
  line: ChunkLine;
  /** Equal on other pages for a running title. Null for a line that is too long to be one. */
  titleKey: string | null;
  /** Equal on other pages for a line with a page number. */
  numberKeys: PageNumberKeys;
  /** True when one of the next two rows inside is a table's. */
  isBesideTable: boolean;
  /** True when the next row inside has the same style and is as close as the next line of a paragraph. */
  isJoined: boolean;
}

/** The outer rows of a page. In each edge the outermost row comes first. */
export interface PageEdges {
  top: EdgeLine[][];
  bottom: EdgeLine[][];
}

const noNumberKeys: PageNumberKeys = { strong: [], weak: [], bare: [] };

/** The outer rows of a page. There are none when the layout is unknown. */
export function edgesOf(page: ChunkPage): PageEdges {
  if (!hasLayout(page)) {
    return { top: [], bottom: [] };
  }
  const rows = rowsOf(page);
  const maxPitch = maxParagraphPitch * tightPitchOf(rows);
  return { top: edgeOf('top', rows, page, maxPitch), bottom: edgeOf('bottom', rows.reverse(), page, maxPitch) };
}

/** The rows from the top down. Lines side by side are one row. */
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

/** The first quartile of the distances between neighbouring rows, as a fraction of the height. */
function tightPitchOf(rows: readonly ChunkLine[][]): number {
  const distances = rows
    .slice(1)
    .map((row, index) => (row[0]?.y1 ?? 0) - (rows[index]?.[0]?.y1 ?? 0))
    .sort((a, b) => a - b);
  return distances[distances.length >> 2] ?? 0;
}

/** @param rows All rows of the page, from this edge inwards. */
function edgeOf(edge: 'top' | 'bottom', rows: readonly ChunkLine[][], page: ChunkPage, maxPitch: number): EdgeLine[][] {
  const content = rows.findIndex((row) => row.length > maxRowLines);
  return rows.slice(0, content < 0 ? edgeRows : Math.min(edgeRows, content)).map((row, index) => {
    const isBesideTable = isTableNear(rows.slice(index, index + 3), page.height);
    const [inner] = rows[index + 1] ?? [];
    return row.map((line) => {
      const isLong = line.text.length > maxCharacters;
      return {
        line,
        titleKey: isLong ? null : `${edge} ${line.text}`,
        numberKeys: isLong ? noNumberKeys : pageNumberKeys(edge, line.text, page.page),
        isBesideTable,
        isJoined: inner !== undefined && areJoined(line, inner, maxPitch),
      };
    });
  });
}

function areJoined(line: ChunkLine, inner: ChunkLine, maxPitch: number): boolean {
  const isAlike = line.bold === inner.bold && Math.abs(line.fontSize - inner.fontSize) <= 0.1 * inner.fontSize;
  return isAlike && Math.abs(inner.y1 - line.y1) <= maxPitch;
}

/** True when one of the rows after the first has cells and is close to the row before it. */
function isTableNear(rows: readonly ChunkLine[][], height: number): boolean {
  for (const [index, row] of rows.slice(1).entries()) {
    const outer = rows[index]?.[0];
    const [inner] = row;
    if (outer === undefined || inner === undefined) {
      return false;
    }
    if (Math.abs(inner.y1 - outer.y1) * height > maxTablePitch * Math.max(outer.fontSize, inner.fontSize)) {
      return false;
    }
    if (row.length > 1 || inner.text.includes('\t')) {
      return true;
    }
  }
  return false;
}
