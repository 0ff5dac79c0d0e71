import { buffer } from 'node:stream/consumers';
import type pdfkit from 'pdfkit';
import { toUnicodeMap } from './contentPdf';
import { rawPdf, rawStream } from './rawPdf';

type Options = ConstructorParameters<typeof pdfkit>[0];

/** Makes a PDF with pdfkit. `draw` gets a document without pages. */
export async function drawnPdf(draw: (document: PDFKit.PDFDocument) => void, options: Options = {}): Promise<Buffer> {
  // Loaded here, because nearly every test imports this package, and most make no PDF.
  const { default: PDFDocument } = await import('pdfkit');
  const document = new PDFDocument({ autoFirstPage: false, size: 'LETTER', ...options });
  const bytes = buffer(document);
  draw(document);
  document.end();
  return bytes;
}

/** Makes a PDF with a page of running text for each string. A string that does not fit continues on the next page. */
export function textPdf(pages: readonly string[], options: Options = {}): Promise<Buffer> {
  return drawnPdf((document) => {
    for (const text of pages) {
      document.addPage().fontSize(11).text(text);
    }
  }, options);
}

/** Makes a PDF that cannot be opened without `password`. */
export function encryptedPdf(
  password = 'secret',
  text: string | readonly string[] = 'Nobody reads this.',
  options: Options = {},
): Promise<Buffer> {
  return textPdf([text].flat(), { userPassword: password, ownerPassword: `${password}-owner`, ...options });
}

/** Makes a PDF with restrictions that opens without a password. */
export function ownerEncryptedPdf(text = 'Everybody reads this.'): Promise<Buffer> {
  return textPdf([text], { ownerPassword: 'owner' });
}

/** Makes a PDF with empty pages. */
export function blankPdf(pages = 1): Promise<Buffer> {
  return drawnPdf((document) => {
    for (let page = 0; page < pages; page++) {
      document.addPage();
    }
  });
}

/** Makes a file that begins like a PDF and is not one. */
export function brokenPdf(): Buffer {
  return Buffer.from(`%PDF-1.7\n%âãÏÓ\n${'1 0 obj << /Type /Cata\nxref garbage trailer\n'.repeat(20)}`, 'latin1');
}

/**
 * Makes a PDF of one page with text that databases refuse. It shows "A?B?C", where the first ? is NUL and the second a
 * lone surrogate.
 */
export function nulTextPdf(): Buffer {
  const map = { a: 'A', b: '\0', c: 'B', d: '\ud800', e: 'C' };
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>',
    rawStream('BT /F 24 Tf 72 700 Td (abcde) Tj ET'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>',
    rawStream(toUnicodeMap(map)),
  ]);
}

/** Makes a PDF of two pages. The file lacks the second page. */
export function missingPagePdf(): Buffer {
  return rawPdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R 9 0 R] /Count 2 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>',
    rawStream('BT /F 24 Tf 72 700 Td (The first page is here.) Tj ET'),
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]);
}

/** Makes a PDF whose list of pages is empty. */
export function pagelessPdf(): Buffer {
  return rawPdf(['<< /Type /Catalog /Pages 2 0 R >>', '<< /Type /Pages /Kids [] /Count 0 >>']);
}
