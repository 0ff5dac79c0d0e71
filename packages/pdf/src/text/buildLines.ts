import { cleanText } from '@millrace/contracts';
import type { TextLine } from '../types';
import { joinHyphens } from './hyphenation';
import type { DraftLine } from './lines/draftLine';
import { LineBuilder } from './lines/lineBuilder';
import { orderBlocks } from './order/blockOrder';
import { orderColumns } from './order/columnOrder';
import type { PageCharacters } from './pageCharacters';

/** The size of a shown page in points. */
interface Size {
  width: number;
  height: number;
}

/** Builds the lines of a page in reading order. */
export function buildLines(characters: PageCharacters, page: Size): TextLine[] {
  const drafts = orderColumns(orderBlocks(new LineBuilder(characters).build()));
  joinHyphens(drafts);
  const lines: TextLine[] = [];
  for (const draft of drafts) {
    const text = cleanText(draft.text).trim();
    if (text !== '') {
      lines.push({
        text,
        ...boxOf(draft, page),
        fontSize: Math.round(draft.size * 100) / 100,
        bold: draft.bold,
      });
    }
  }
  return lines;
}

/** The line's box on the shown page: turned back from the frame of the text, and clipped to the page. */
function boxOf({ direction, left, right, top, bottom }: DraftLine, page: Size) {
  switch (direction) {
    case 0:
      return fractionsOf({ x0: left, y0: top, x1: right, y1: bottom }, page);
    case 1:
      return fractionsOf({ x0: -bottom, y0: left, x1: -top, y1: right }, page);
    case 2:
      return fractionsOf({ x0: -right, y0: -bottom, x1: -left, y1: -top }, page);
    case 3:
      return fractionsOf({ x0: top, y0: -right, x1: bottom, y1: -left }, page);
  }
}

function fractionsOf(box: { x0: number; y0: number; x1: number; y1: number }, { width, height }: Size) {
  return {
    x0: fraction(box.x0, width),
    y0: fraction(box.y0, height),
    x1: fraction(box.x1, width),
    y1: fraction(box.y1, height),
  };
}

/** Rounded to four decimals, which is a twentieth of a point on a letter page. */
function fraction(value: number, whole: number): number {
  return Math.round(Math.min(1, Math.max(0, value / whole)) * 10_000) / 10_000;
}
