import { cleanText } from '@millrace/contracts';
import type { Block, Line, Word } from 'tesseract.js';
import type { GrayImage, TextLine } from '../types';

const POINTS_PER_INCH = 72;
/** Words recognized with less confidence (of 100) are specks, rules and pictures. */
const MIN_CONFIDENCE = 40;
/** A row's height, from descenders to ascenders, is this much smaller than its font. Measured on pages of known size. */
const FONT_PER_ROW = 1.07;
/** Gaps, in heights of the row: beyond this two words stand in different cells. */
const CELL_GAP = 1.5;

/** The recognized lines, in the order in which Tesseract reads, as lines of the page. */
export function linesOf(blocks: readonly Block[], image: GrayImage): TextLine[] {
  return blocks
    .flatMap((block) => block.paragraphs)
    .flatMap((paragraph) => paragraph.lines)
    .flatMap((line) => lineOf(line, image) ?? []);
}

function lineOf(line: Line, { width, height, dpi }: GrayImage): TextLine | null {
  const words = line.words
    .map((word) => ({ ...word, text: cleanText(word.text).replace(/\s+/gu, ' ').trim() }))
    .filter((word) => word.text !== '' && word.confidence >= MIN_CONFIDENCE);
  if (words.length === 0) {
    return null;
  }
  const x0 = Math.min(...words.map((word) => word.bbox.x0));
  const y0 = Math.min(...words.map((word) => word.bbox.y0));
  const x1 = Math.max(...words.map((word) => word.bbox.x1));
  const y1 = Math.max(...words.map((word) => word.bbox.y1));
  const rowHeight = line.rowAttributes.rowHeight > 0 ? line.rowAttributes.rowHeight : y1 - y0;
  return {
    text: joined(words, rowHeight),
    x0: fraction(x0, width),
    y0: fraction(y0, height),
    x1: fraction(x1, width),
    y1: fraction(y1, height),
    // In whole points: rows of one font differ by a pixel or two.
    fontSize: Math.max(1, Math.round((rowHeight / dpi) * POINTS_PER_INCH * FONT_PER_ROW)),
    bold: false,
  };
}

/** The words with spaces between them, and tabs between cells. */
function joined(words: readonly Pick<Word, 'text' | 'bbox'>[], rowHeight: number): string {
  return words.reduce((text, word, index) => {
    const before = words[index - 1];
    if (before === undefined) {
      return word.text;
    }
    return text + (word.bbox.x0 - before.bbox.x1 > CELL_GAP * rowHeight ? '\t' : ' ') + word.text;
  }, '');
}

function fraction(pixels: number, of: number): number {
  return Math.min(1, Math.max(0, pixels / of));
}
