import { judgeText } from '../../layer/judgeText';
import { kind, type PageCharacters } from '../pageCharacters';
import { wordGap } from './separator';

/** Shorter lines are not examined. */
export const minSpacedLetters = 4;
/** A line with more spaces than this part of its characters has no ordinary words. */
export const maxSpaceShare = 0.4;
/** Letters of ordinary words have smaller gaps between them, in font sizes. */
export const minLetterGap = 0.05;
/** Letters with wider gaps between them are not of one word. */
const maxLetterGap = 0.8;
/** Numbers with wider gaps between them are several numbers. */
const maxDigitGap = 0.25;
/** At most this part of the letters is next to another one when each is followed by a drawn space. */
const maxJoinedShare = 0.2;
/** Letters that follow each other less well are no words: days of the week, answers, marks. See judgeText. */
const minWordScore = -0.9;
/** A gap between words is wider than the gap between letters by this factor where spaces were drawn between all letters. */
const wordFactor = 1.5;

const letterPattern = /\p{L}/u;
const wordPattern = /[\p{L}\p{N}]/u;
/** Formulas have wide gaps, too. */
const formulaPattern = /\p{Sm}/u;

/** How the letters of a line are spaced out. */
export interface Spacing {
  /** What is added to each gap, in font sizes. */
  letterGap: number;
  /** True when a space was drawn after each letter, so that spaces do not divide words. */
  hasDrawnSpaces: boolean;
}

/**
 * Finds how the letters of a line are spaced out: by gaps, or by drawn spaces after each of them.
 * @param end The index after the line's last entry.
 * @returns null for ordinary words.
 */
export function spacingOf(source: PageCharacters, from: number, end: number): Spacing | null {
  const gaps: number[] = [];
  const drawnGaps: number[] = [];
  let text = '';
  let last = -1;
  let isDrawn = false;
  for (let index = from; index < end; index++) {
    if (!source.isGlyph(index)) {
      isDrawn ||= source.kind[index] === kind.space;
      continue;
    }
    const character = String.fromCodePoint(source.code[index] as number);
    // Dots that lead to a page number have gaps of their own.
    const isInWords = wordPattern.test(character) && wordPattern.test(text.at(-1) ?? '');
    text += character;
    if (last !== -1 && isInWords) {
      const gap = ((source.left[index] as number) - (source.right[last] as number)) / source.runAt(index).size;
      (isDrawn ? drawnGaps : gaps).push(gap);
    }
    last = index;
    isDrawn = false;
  }
  const hasDrawnSpaces = gaps.length <= maxJoinedShare * (gaps.length + drawnGaps.length);
  const letterGap = median(hasDrawnSpaces ? drawnGaps : gaps);
  if (!(letterGap > minLetterGap && letterGap < maxLetterGap) || formulaPattern.test(text)) {
    return null;
  }
  const letters = [...text].filter((character) => letterPattern.test(character));
  const isWide = hasDrawnSpaces || letterGap > maxDigitGap;
  if (isWide && (letters.length < 0.8 * text.length || isAlphabet(letters) || !mayBeWords(letters))) {
    return null;
  }
  return hasDrawnSpaces
    ? { letterGap: wordFactor * letterGap - wordGap, hasDrawnSpaces }
    : { letterGap, hasDrawnSpaces };
}

function mayBeWords(letters: readonly string[]): boolean {
  return judgeText(letters.join('')).score >= minWordScore;
}

/** True for letters that name things, such as "A B C D". */
function isAlphabet(letters: readonly string[]): boolean {
  return letters.every((letter, at) => {
    const step = (letter.codePointAt(0) ?? 0) - (letters[at - 1]?.codePointAt(0) ?? 0);
    return at === 0 || step === 1 || step === 2;
  });
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}
