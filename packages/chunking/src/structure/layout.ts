import type { ChunkLine, ChunkPage } from '../types';
import { BodyStyle } from './bodyStyle';

/** The largest distance between lines of one paragraph, in units of the page's leading. */
const maxParagraphPitch = 1.3;
/** The largest distance between rows of one table, in font sizes. */
const maxRowPitch = 2.2;
/** A short line ends at least this far before the right edge of the text, in page widths. */
const shortBy = 0.12;
/** A heading begins at most this far from the left edge of the text, in page widths. */
const maxIndent = 0.06;
/** The middle of a centred heading is at most this far from the middle of the text, in page widths. */
const maxOffCentre = 0.03;
/** The second column of a page begins at least this far from the left edge of the text, in page widths. */
const minColumnStart = 0.25;
/** With fewer characters, a page may be all headings. */
const minCharacters = 500;
/** The leading of a page that has no distances to measure it by. */
const defaultLeading = 1.2;

/** The measures of a page. */
export interface Layout {
  /** False when all lines have the same box. */
  isKnown: boolean;
  /** Points. */
  height: number;
  width: number;
  /** The distance between the tighter lines of the page, in font sizes. */
  leading: number;
  /** The left and right edge of the page's text, as fractions. */
  left: number;
  right: number;
  /** The size of most characters, in points; 0 when there are too few characters to tell. */
  textSize(): number;
}

export function measureLayout(page: ChunkPage): Layout {
  const height = Math.max(1, page.height);
  const distances: number[] = [];
  let left = 1;
  let right = 0;
  let before: ChunkLine | undefined;
  for (const line of page.lines) {
    left = Math.min(left, line.x0);
    right = Math.max(right, line.x1);
    if (before !== undefined) {
      const distance = pitchBetween(before, line, height);
      if (distance > 0.5 && distance < 4) {
        distances.push(distance);
      }
    }
    before = line;
  }
  distances.sort((a, b) => a - b);
  let textSize: number | undefined;
  return {
    isKnown: hasLayout(page),
    height,
    width: Math.max(1, page.width),
    leading: distances[distances.length >> 2] ?? defaultLeading,
    left,
    right,
    textSize: () => {
      textSize ??= textSizeOf(page);
      return textSize;
    },
  };
}

/** False when all lines of the page have the same box: then the layout is unknown. */
export function hasLayout({ lines }: ChunkPage): boolean {
  const [first] = lines;
  return first !== undefined && lines.some(({ y0, y1 }) => y0 !== first.y0 || y1 !== first.y1);
}

function textSizeOf(page: ChunkPage): number {
  const style = new BodyStyle();
  style.add(page);
  return style.characters < minCharacters ? 0 : style.size;
}

/** How far `line` is below `before`, in font sizes. */
function pitchBetween(before: ChunkLine, line: ChunkLine, height: number): number {
  return ((line.y1 - before.y1) * height) / Math.max(1, before.fontSize, line.fontSize);
}

/** True when `line` is close enough below `before` to be the next line of the same paragraph. */
export function isNextLine(before: ChunkLine, line: ChunkLine, layout: Layout): boolean {
  const pitch = pitchBetween(before, line, layout.height);
  return pitch > 0.2 && pitch <= maxParagraphPitch * layout.leading;
}

/** True when `line` is close enough below `before` to be the next row of the same table. Rows are wider apart than lines. */
export function isNextRow(before: ChunkLine, line: ChunkLine, layout: Layout): boolean {
  const pitch = pitchBetween(before, line, layout.height);
  return pitch > 0.2 && pitch <= Math.max(maxRowPitch, maxParagraphPitch * layout.leading);
}

/** True for a line that ends well before the right edge of the text. */
export function isShort(line: ChunkLine, layout: Layout): boolean {
  return layout.isKnown && line.x1 < layout.right - shortBy;
}

/** True for a line at the left edge of the text or centred in it. Column headers are neither. */
export function isAtMargin(line: ChunkLine, layout: Layout): boolean {
  const offCentre = (line.x0 + line.x1 - layout.left - layout.right) / 2;
  return !layout.isKnown || line.x0 <= layout.left + maxIndent || Math.abs(offCentre) <= maxOffCentre;
}

/** True for a line that begins so far to the right that it is in a column beside another, not only indented. */
export function isInColumn(line: ChunkLine, layout: Layout): boolean {
  return line.x0 >= layout.left + minColumnStart;
}

/** True when the lines are side by side: they share more than half of the smaller height. */
export function areSideBySide(a: ChunkLine, b: ChunkLine): boolean {
  return Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0) > 0.5 * Math.min(a.y1 - a.y0, b.y1 - b.y0);
}
