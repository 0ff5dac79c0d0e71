import { cleanText } from '@millrace/contracts';
import type { Block, Line, Word } from 'tesseract.js';
import type { GrayImage, TextLine } from '../types';

const pointsPerInch = 72;
/** Words with less confidence (of 100) are specks, rules and pictures. */
const minConfidence = 40;
/** Lines with less mean confidence are guesses. Some of their words are recognized by chance. */
const minLineConfidence = 30;
/** A font's size over the height of its rows, from descenders to ascenders. Measured on pages of known size. */
const sizeOfRowHeight = 1.07;
/** A wider gap between words, in row heights, separates cells. */
const cellGap = 1.5;

/** The text that Tesseract recognized in an image. */
export interface RecognizedText {
  /** In Tesseract's reading order, without unreliable words and lines. */
  lines: TextLine[];
  /** The characters of all words, the unreliable ones included. */
  characters: number;
  /** The mean confidence of all characters, 0 to 100; 0 when there are none. */
  confidence: number;
}

export function recognizedTextOf(blocks: readonly Block[], image: GrayImage): RecognizedText {
  const lines = blocks.flatMap((block) => block.paragraphs).flatMap((paragraph) => paragraph.lines);
  const reliable = lines.filter(({ words }) => confidenceOf(words) >= minLineConfidence);
  const words = lines.flatMap((line) => line.words);
  return {
    lines: reliable.flatMap((line) => lineOf(line, image) ?? []),
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
  const isVertical = Math.abs(baseline.y1 - baseline.y0) > Math.abs(baseline.x1 - baseline.x0);
  const rowHeight = line.rowAttributes.rowHeight > 0 ? line.rowAttributes.rowHeight : isVertical ? x1 - x0 : y1 - y0;
  return {
    text: joinWords(words, rowHeight, isVertical),
    x0: fraction(x0, width),
    y0: fraction(y0, height),
    x1: fraction(x1, width),
    y1: fraction(y1, height),
    // Whole points, because rows of one font differ by a pixel or two.
    fontSize: Math.max(1, Math.round((rowHeight / dpi) * pointsPerInch * sizeOfRowHeight)),
    bold: false,
  };
}

/** Joins words by spaces, and cells by tabs. */
function joinWords(words: readonly Pick<Word, 'text' | 'bbox'>[], rowHeight: number, isVertical: boolean): string {
  return words.reduce((text, word, index) => {
    const before = words[index - 1];
    if (before === undefined) {
      return word.text;
    }
    const gap = isVertical ? word.bbox.y0 - before.bbox.y1 : word.bbox.x0 - before.bbox.x1;
    return text + (gap > cellGap * rowHeight ? '\t' : ' ') + word.text;
  }, '');
}

function fraction(pixels: number, of: number): number {
  return Math.min(1, Math.max(0, pixels / of));
}
