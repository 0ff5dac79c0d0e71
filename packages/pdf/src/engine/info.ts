import { cleanText, type DocumentRepair, MillraceError } from '@millrace/contracts';
import type { PdfInfo } from '../types';
import { readOutline } from './outline';
import type { Pdfium } from './pdfium';

/** A longer title is cut, in characters. */
const maxTitle = 1_000;

/**
 * What an open document says of itself as a whole.
 * @param repair how it was repaired before the engine saw it.
 * @throws MillraceError PDF_CORRUPT when it has no pages, DOCUMENT_TOO_MANY_PAGES when it claims more than `maxPages`.
 */
export function readInfo(pdfium: Pdfium, document: number, repair: DocumentRepair | null, maxPages: number): PdfInfo {
  const pageCount = pdfium.fpdf.FPDF_GetPageCount(document);
  if (pageCount < 1) {
    throw new MillraceError('PDF_CORRUPT', 'The PDF holds no pages that can be found.');
  }
  if (pageCount > maxPages) {
    throw new MillraceError(
      'DOCUMENT_TOO_MANY_PAGES',
      `The PDF has ${pageCount} pages; at most ${maxPages} are taken.`,
      {
        extra: { limit: maxPages },
      },
    );
  }
  // What the engine repairs by itself it does in silence.
  const sound = pdfium.fpdf.FPDF_DocumentHasValidCrossReferenceTable(document) !== 0;
  return {
    pageCount,
    title: readTitle(pdfium, document),
    outline: readOutline(pdfium, document, pageCount),
    repair: repair ?? (sound ? null : 'XREF_REBUILT'),
  };
}

function readTitle(pdfium: Pdfium, document: number): string | null {
  const tag = pdfium.fpdf.malloc(6);
  try {
    pdfium.memory.u8.set(Buffer.from('Title\0', 'latin1'), tag);
    const title = pdfium.readUtf16((buffer, size) => pdfium.fpdf.FPDF_GetMetaText(document, tag, buffer, size));
    // Not between the halves of a surrogate pair.
    const short = title
      .trim()
      .slice(0, maxTitle)
      .replace(/[\uD800-\uDBFF]$/, '');
    return cleanText(short).trim() || null;
  } finally {
    pdfium.fpdf.free(tag);
  }
}
