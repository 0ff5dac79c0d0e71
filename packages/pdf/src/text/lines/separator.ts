import { beginsNumber, endsNumber, isIdeographic, isNumberPrefix } from '../codePoints';
import { kind } from '../pageCharacters';
import { cellGap } from './draftLine';
import type { TextBuffer } from './textBuffer';

/**
 * A wider gap between two numbers, in font sizes, separates cells. Of some 1,500 gaps of 0.75 to 1.25 between numbers in real
 * filings, nearly all are between cells. Between words such gaps follow bullets and item numbers, so `cellGap` applies there.
 */
const numberCellGap = 0.7;
/**
 * A wider gap, in font sizes, is a space, although PDFium reports none (between text objects) or a line break (around a
 * superscript). In the real and the hostile PDFs of the corpus all such gaps are spaces.
 */
export const wordGap = 0.15;
/** The same between letters of scripts without spaces, which are spread in justified lines. */
export const ideographicGap = 0.5;

const tab = 0x09;
export const space = 0x20;

/** The place between the text so far and the next character. */
interface Gap {
  /** In font sizes. */
  width: number;
  /** The next character. */
  code: number;
  /** What the engine reports between the two characters: one of the kinds of spaces, or `glyph` when it reports nothing. */
  reported: number;
}

/** The code of the character that belongs in the gap; 0 for none. */
export function separatorIn(text: TextBuffer, { width, code, reported }: Gap): number {
  const last = text.at(text.length - 1);
  if (width > cellGap || (width > numberCellGap && endsNumber(last) && beginsNumber(code))) {
    return endsInLonePrefix(text) ? space : tab;
  }
  if (reported === kind.space || reported === kind.inferredSpace) {
    return space;
  }
  const isSpaceless = isIdeographic(code) && isIdeographic(last);
  return width > (isSpaceless ? ideographicGap : wordGap) ? space : 0;
}

/** True after a cell with only a currency sign or a parenthesis. It belongs to the number in the next cell. */
function endsInLonePrefix(text: TextBuffer): boolean {
  const last = text.at(text.length - 1);
  const before = text.at(text.length - 2);
  return isNumberPrefix(last) && (text.length === 1 || before === space || before === tab);
}
