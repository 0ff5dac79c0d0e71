import { cleanText } from '@millrace/contracts';
import type { TextLine } from '../types';
import { orderBlocks } from './blockOrder';
import type { PageCharacters } from './characters';
import type { DraftLine } from './draftLine';
import { joinHyphens } from './hyphens';
import { LineBuilder } from './lineBuilder';
import { orderColumns } from './readingOrder';

/**
 * The lines of a page.
 * @param width Width and `height` of the shown page in points.
 */
export function buildLines(characters: PageCharacters, width: number, height: number): TextLine[] {
  const drafts = orderColumns(orderBlocks(new LineBuilder(characters).build()));
  joinHyphens(drafts);
  const lines: TextLine[] = [];
  for (const draft of drafts) {
    const text = cleanText(draft.text).trim();
    if (text !== '') {
      lines.push({
        text,
        ...boxOf(draft, width, height),
        fontSize: Math.round(draft.size * 100) / 100,
        bold: draft.bold,
      });
    }
  }
  return lines;
}

/** Undoes the turn into the direction of the text, and clamps what sticks out of the page. */
function boxOf(line: DraftLine, width: number, height: number) {
  const { a0, a1, c0, c1 } = line;
  switch (line.direction) {
    case 0:
      return fractions(a0, c0, a1, c1, width, height);
    case 1:
      return fractions(-c1, a0, -c0, a1, width, height);
    case 2:
      return fractions(-a1, -c1, -a0, -c0, width, height);
    case 3:
      return fractions(c0, -a1, c1, -a0, width, height);
  }
}

function fractions(x0: number, y0: number, x1: number, y1: number, width: number, height: number) {
  return { x0: fraction(x0, width), y0: fraction(y0, height), x1: fraction(x1, width), y1: fraction(y1, height) };
}

/** Four decimals: a twentieth of a point on a letter page. */
function fraction(value: number, whole: number): number {
  return Math.round(Math.min(1, Math.max(0, value / whole)) * 10_000) / 10_000;
}
