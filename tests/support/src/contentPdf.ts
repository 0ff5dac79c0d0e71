import { rawPdf, rawStream } from './rawPdf';

export interface ContentPdfOptions {
  /** More entries of the page's dictionary. */
  page?: string;
  /** More entries of the catalog. */
  catalog?: string;
  /** The texts that the characters of font M show. Each is as wide as its font size. */
  map?: Record<string, string>;
}

/**
 * Makes a PDF with one page of 600 by 800 points and this content stream. Font F is Helvetica, B is Helvetica-Bold, and M
 * shows the texts of `map`. The graphics state T is fully transparent.
 */
export function contentPdf(content: string, { page = '', catalog = '', map = {} }: ContentPdfOptions = {}): Buffer {
  return rawPdf([
    `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] ${page} /Contents 4 0 R
      /Resources << /Font << /F 5 0 R /B 6 0 R /M 7 0 R >> /ExtGState << /T << /ca 0 /CA 0 >> >> >> >>`,
    rawStream(content),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>',
    `<< /Type /Font /Subtype /TrueType /BaseFont /Mapped /FirstChar 0 /LastChar 255 /ToUnicode 8 0 R
      /Widths [${Array(256).fill(1000).join(' ')}] >>`,
    rawStream(toUnicodeMap(map)),
  ]);
}

/** Returns the body of a ToUnicode map for one-byte characters. */
export function toUnicodeMap(map: Record<string, string>): string {
  const rows = Object.entries(map).map(([from, to]) => {
    const units = Array.from({ length: to.length }, (_, index) => to.charCodeAt(index).toString(16).padStart(4, '0'));
    return `<${from.charCodeAt(0).toString(16).padStart(2, '0')}> <${units.join('')}>`;
  });
  return (
    '/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /Odd def /CMapType 2 def\n' +
    '1 begincodespacerange <00> <ff> endcodespacerange\n' +
    `${rows.length} beginbfchar\n${rows.join('\n')}\nendbfchar\nendcmap end end`
  );
}
