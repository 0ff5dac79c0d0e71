import { cleanText } from '@millrace/contracts';
import type { Block, Line, Word } from 'tesseract.js';
import type { GrayImage, TextLine } from '../types';

const pointsPerInch = 72;
/** Words recognized with less confidence (of 100) are specks, rules and pictures. */
const minConfidence = 40;
/** Lines whose characters have less in the mean are guesses: some of their words are recognized by chance. */
const minLineConfidence = 30;
/** A row's height, from descenders to ascenders, is this much smaller than its font. Measured on pages of known size. */
const fontPerRow = 1.07;
/** Gaps, in heights of the row: beyond this two words stand in different cells. */
const cellGap = 1.5;

/** What Tesseract made of an image. */
export interface Reading {
  /** In the order in which Tesseract reads. */
  lines: TextLine[];
  /** Of all words, those that are left out of the lines too. */
  characters: number;
  /** Of a character in the mean, 0 to 100; 0 where there is none. */
  confidence: number;
}

export function readingOf(blocks: readonly Block[], image: GrayImage): Reading {
  const lines = blocks.flatMap((block) => block.paragraphs).flatMap((paragraph) => paragraph.lines);
  const read = lines.filter(({ words }) => confidenceOf(words) >= minLineConfidence);
  const words = lines.flatMap((line) => line.words);
  return {
    lines: read.flatMap((line) => lineOf(line, image) ?? []),
    characters: charactersOf(words),
    confidence: confidenceOf(words),
  };
}

function charactersOf(words: readonly Word[]): number {
  return words.reduce((sum, { text }) => sum + text.trim().length, 0);
}

function confidenceOf(words: readonly Word[]): number {
  const sum = words.reduce((sum, { text, confidence }) => sum + text.trim().length * confidence, 0);
  return sum / Math.max(1, charactersOf(words));
}

function lineOf(line: Line, { width, height, dpi }: GrayImage): TextLine | null {
  const words = line.words
    .map((word) => ({ ...word, text: cleanText(word.text).replace(/\s+/gu, ' ').trim() }))
    .filter((word) => word.text !== '' && word.confidence >= minConfidence);
  if (words.length === 0) {
    return null;
  }
  const x0 = Math.min(...words.map((word) => word.bbox.x0));
  const y0 = Math.min(...words.map((word) => word.bbox.y0));
  const x1 = Math.max(...words.map((word) => word.bbox.x1));
  const y1 = Math.max(...words.map((word) => word.bbox.y1));
  const { baseline } = line;
  const downwards = Math.abs(baseline.y1 - baseline.y0) > Math.abs(baseline.x1 - baseline.x0);
  const rowHeight = line.rowAttributes.rowHeight > 0 ? line.rowAttributes.rowHeight : downwards ? x1 - x0 : y1 - y0;
  return {
    text: joined(words, rowHeight, downwards),
    x0: fraction(x0, width),
    y0: fraction(y0, height),
    x1: fraction(x1, width),
    y1: fraction(y1, height),
    // In whole points: rows of one font differ by a pixel or two.
    fontSize: Math.max(1, Math.round((rowHeight / dpi) * pointsPerInch * fontPerRow)),
    bold: false,
  };
}

/** The words with spaces between them, and tabs between cells. */
function joined(words: readonly Pick<Word, 'text' | 'bbox'>[], rowHeight: number, downwards: boolean): string {
  return words.reduce((text, word, index) => {
    const before = words[index - 1];
    if (before === undefined) {
      return word.text;
    }
    const gap = downwards ? word.bbox.y0 - before.bbox.y1 : word.bbox.x0 - before.bbox.x1;
    return text + (gap > cellGap * rowHeight ? '\t' : ' ') + word.text;
  }, '');
}

function fraction(pixels: number, of: number): number {
  return Math.min(1, Math.max(0, pixels / of));
}
