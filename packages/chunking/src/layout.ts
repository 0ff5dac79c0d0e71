import { BodyText } from './bodyText';
import { hasLayout } from './edgeLines';
import type { ChunkLine, ChunkPage } from './types';

/** Lines of one paragraph lie at most this much further apart than the page's tight lines. */
const paragraphGap = 1.3;
/** Rows of one table lie at most this far apart, in font sizes. */
const rowGap = 2.2;
/** A line is short when it ends this much (in page widths) before the text's right edge. */
const shortBy = 0.12;
/** Headings begin within this (in page widths) of the text's left edge, or stand in the middle as exactly. */
const margin = 0.06;
const centred = 0.03;

/** A page with less text may be all headings. */
const minCharacters = 500;

/** Where the lines of a page stand to each other. */
export interface Layout {
  /** False when nothing is known of it. */
  known: boolean;
  /** Points. */
  height: number;
  width: number;
  /** Distance between the tighter lines of the page, in font sizes. */
  leading: number;
  /** Where the page's text begins on the left and ends on the right, as fractions. */
  left: number;
  right: number;
  /** Size of most of the page's characters, in points; 0 when they are too few to tell. */
  textSize(): number;
}

export function layoutOf(page: ChunkPage): Layout {
  const height = Math.max(1, page.height);
  const distances: number[] = [];
  let left = 1;
  let right = 0;
  let before: ChunkLine | undefined;
  for (const line of page.lines) {
    left = Math.min(left, line.x0);
    right = Math.max(right, line.x1);
    if (before !== undefined) {
      const distance = distanceOf(before, line, height);
      if (distance > 0.5 && distance < 4) {
        distances.push(distance);
      }
    }
    before = line;
  }
  distances.sort((a, b) => a - b);
  const leading = distances[distances.length >> 2] ?? 1.2;
  let textSize: number | undefined;
  return {
    known: hasLayout(page),
    height,
    width: Math.max(1, page.width),
    leading,
    left,
    right,
    textSize: () => {
      textSize ??= textSizeOf(page);
      return textSize;
    },
  };
}

function textSizeOf(page: ChunkPage): number {
  const text = new BodyText();
  text.add(page);
  return text.characters < minCharacters ? 0 : text.size;
}

/** How far `line` is below `before`, in font sizes. */
function distanceOf(before: ChunkLine, line: ChunkLine, height: number): number {
  return ((line.y1 - before.y1) * height) / Math.max(1, before.fontSize, line.fontSize);
}

/** True when `line` may go on the paragraph or table of `before`. */
export function isClose(before: ChunkLine, line: ChunkLine, layout: Layout): boolean {
  const distance = distanceOf(before, line, layout.height);
  return distance > 0.2 && distance <= paragraphGap * layout.leading;
}

/** True when `line` may be the next row of the table of `before`: rows stand further apart than lines of text. */
export function isCloseRow(before: ChunkLine, line: ChunkLine, layout: Layout): boolean {
  const distance = distanceOf(before, line, layout.height);
  return distance > 0.2 && distance <= Math.max(rowGap, paragraphGap * layout.leading);
}

export function isShort(line: ChunkLine, layout: Layout): boolean {
  return layout.known && line.x1 < layout.right - shortBy;
}

/** True for what begins at the left edge of the text or stands in its middle, unlike the heads of columns. */
export function isAtMargin(line: ChunkLine, layout: Layout): boolean {
  const middle = (line.x0 + line.x1 - layout.left - layout.right) / 2;
  return !layout.known || line.x0 <= layout.left + margin || Math.abs(middle) <= centred;
}

/** True when both stand side by side. */
export function isBeside(a: ChunkLine, b: ChunkLine): boolean {
  return Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0) > 0.5 * Math.min(a.y1 - a.y0, b.y1 - b.y0);
}
