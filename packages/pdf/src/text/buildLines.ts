import { cleanText } from '@millrace/contracts';
import type { TextLine } from '../types';
import { joinHyphens } from './hyphenation';
import type { DraftLine } from './lines/draftLine';
import { orderLines } from './order/lineOrder';
import type { PageCharacters } from './pageCharacters';
import { pageFraction } from './pageFraction';
import { readDrafts } from './readDrafts';

/** The size of a shown page in points. */
interface Size {
  width: number;
  height: number;
}

/** Builds the lines of a page in reading order. */
export function buildLines(characters: PageCharacters, page: Size): TextLine[] {
  const drafts = orderLines(readDrafts(characters));
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
function boxOf({ direction, skew, left, right, top, bottom }: DraftLine, page: Size) {
  if (skew !== 0) {
    return fractionsOf(boxAround({ left, right, top, bottom }, (direction * Math.PI) / 2 + skew), page);
  }
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

/** The upright box around a box that is turned by an angle. */
function boxAround(box: { left: number; right: number; top: number; bottom: number }, angle: number) {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const xs: number[] = [];
  const ys: number[] = [];
  for (const along of [box.left, box.right]) {
    for (const across of [box.top, box.bottom]) {
      xs.push(along * cos - across * sin);
      ys.push(along * sin + across * cos);
    }
  }
  return { x0: Math.min(...xs), y0: Math.min(...ys), x1: Math.max(...xs), y1: Math.max(...ys) };
}

function fractionsOf(box: { x0: number; y0: number; x1: number; y1: number }, { width, height }: Size) {
  return {
    x0: pageFraction(box.x0, width),
    y0: pageFraction(box.y0, height),
    x1: pageFraction(box.x1, width),
    y1: pageFraction(box.y1, height),
  };
}
