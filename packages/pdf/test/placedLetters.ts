import { rawPdf, rawStream, toUnicodeMap } from '@millrace/test-support';

/** Draws one letter or text at a place, in font F of the given size. */
export function letter(text: string, x: number, y: number, size = 10): string {
  return `BT /F ${size} Tf 1 0 0 1 ${x} ${y} Tm (${text}) Tj ET`;
}

/** Draws each character of a text by itself, this many points apart. */
export function letters(text: string, x: number, y: number, pitch: number): string[] {
  return [...text].flatMap((each, at) => (each === ' ' ? [] : [letter(each, x + at * pitch, y)]));
}

/** Draws the text with the line turned by this angle, in degrees to the left. */
export function turned(text: string, x: number, y: number, degrees: number): string {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const matrix = [cos, sin, -sin, cos].map((each) => each.toFixed(5)).join(' ');
  return `BT /F 10 Tf ${matrix} ${x.toFixed(2)} ${y.toFixed(2)} Tm (${text}) Tj ET`;
}

/**
 * Makes a PDF with one page, whose font V is for vertical writing. It has two-byte codes, and `map` says what they show. Its
 * characters have this width in thousandths of the font size.
 */
export function verticalPdf(content: string, map: Record<string, string>, width: number): Buffer {
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources << /Font << /V 5 0 R >> >> >>`,
    rawStream(content),
    '<< /Type /Font /Subtype /Type0 /BaseFont /Vertical /Encoding /Identity-V /DescendantFonts [6 0 R] /ToUnicode 8 0 R >>',
    `<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Vertical /DW ${width} /FontDescriptor 7 0 R
      /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>`,
    '<< /Type /FontDescriptor /FontName /Vertical /Flags 4 /FontBBox [0 -120 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 700 /StemV 80 >>',
    rawStream(toUnicodeMap(map).replaceAll(/<([0-9a-f]{2})>/g, '<00$1>')),
  ]);
}
