import type { Pdfium } from './pdfium';

/** Every page is asked for each so many of its characters, because a call costs time. */
const step = 16;
const fewCharacters = 64;

/**
 * The share (0 to 1) of an open text page's drawn characters that the engine has no Unicode for. It reports their codes
 * instead. Where a sample has none, it is 0.
 */
export function unmappedShare({ fpdf }: Pdfium, textPage: number): number {
  const total = fpdf.FPDFText_CountChars(textPage);
  if (total > fewCharacters) {
    let isMapped = true;
    for (let index = step / 2; index < total && isMapped; index += step) {
      isMapped = fpdf.FPDFText_HasUnicodeMapError(textPage, index) <= 0;
    }
    if (isMapped) {
      return 0;
    }
  }
  let drawn = 0;
  let unmapped = 0;
  for (let index = 0; index < total; index++) {
    if (fpdf.FPDFText_GetTextObject(textPage, index) !== 0) {
      drawn++;
      unmapped += fpdf.FPDFText_HasUnicodeMapError(textPage, index) > 0 ? 1 : 0;
    }
  }
  return unmapped / Math.max(1, drawn);
}
