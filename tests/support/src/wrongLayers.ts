import { toUnicodeMap } from './contentPdf';
import { rawPdf, rawStream } from './rawPdf';

/** The bodies of the objects 1 to 3 of a PDF with one page. Its content is object 4, and its font F object 5. */
export const fontPage = [
  '<< /Type /Catalog /Pages 2 0 R >>',
  '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
  '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 400] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>',
];

/** A content stream that shows the lines in font F. `bytesOf` returns the codes of a line. */
export function shownLines(lines: readonly string[], bytesOf: (line: string) => Buffer): string {
  return rawStream(
    lines.map((line, row) => `BT /F 14 Tf 40 ${360 - 20 * row} Td <${bytesOf(line).toString('hex')}> Tj ET`).join('\n'),
  );
}

/** A page that shows the lines, and says of each of their characters that it is the one that `unicodeOf` returns. */
export function mappedPdf(lines: readonly string[], unicodeOf: (character: string) => string): Buffer {
  const characters = [...new Set(lines.join(''))];
  return rawPdf([
    ...fontPage,
    shownLines(lines, (line) => Buffer.from(line, 'latin1')),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 6 0 R >>',
    rawStream(toUnicodeMap(Object.fromEntries(characters.map((character) => [character, unicodeOf(character)])))),
  ]);
}

/** Exchanges the letters of a text for others that do not follow each other in any language. */
export function exchanged(character: string): string {
  const at = 'abcdefghijklmnopqrstuvwxyz'.indexOf(character.toLowerCase());
  return 'qzxjvkwgyfhbpcmdulrnxtsoei'[at] ?? character;
}
