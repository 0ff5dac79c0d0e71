import { cleanText, type DocumentRepair, MillraceError } from '@millrace/contracts';
import type { PdfInfo } from '../types';
import type { Pdfium } from './pdfium';
import { readOutline } from './readOutline';

/** A longer title is cut, in characters. */
const maxTitleLength = 1_000;

/** The facts that are known before the document is loaded, and the limit on its pages. */
export interface InfoOptions {
  /** How the file was repaired before the engine read it, or null. */
  repair: DocumentRepair | null;
  maxPages: number;
}

/**
 * Reads the page count, title and outline of a loaded document.
 * @throws MillraceError PDF_CORRUPT when it has no pages, DOCUMENT_TOO_MANY_PAGES when it claims more than `maxPages`.
 */
export function readInfo(
  pdfium: Pdfium,
  document: number,
  { repair, maxPages }: InfoOptions,
): Omit<PdfInfo, 'isPortfolio'> {
  const pageCount = pdfium.fpdf.FPDF_GetPageCount(document);
  if (pageCount < 1) {
    throw new MillraceError('PDF_CORRUPT', 'No pages can be found in the PDF.');
  }
  if (pageCount > maxPages) {
    throw new MillraceError(
      'DOCUMENT_TOO_MANY_PAGES',
      `The PDF has ${pageCount} pages. The limit is ${maxPages} pages.`,
      { extra: { limit: maxPages } },
    );
  }
  // The engine repairs a broken cross-reference table without reporting it.
  const isSound = pdfium.fpdf.FPDF_DocumentHasValidCrossReferenceTable(document) !== 0;
  return {
    pageCount,
    title: readTitle(pdfium, document),
    outline: readOutline(pdfium, document, pageCount),
    repair: repair ?? (isSound ? null : 'XREF_REBUILT'),
  };
}

function readTitle(pdfium: Pdfium, document: number): string | null {
  const tag = pdfium.fpdf.malloc(6);
  try {
    pdfium.memory.u8.set(Buffer.from('Title\0', 'latin1'), tag);
    const title = pdfium.readUtf16((buffer, size) => pdfium.fpdf.FPDF_GetMetaText(document, tag, buffer, size));
    // A surrogate pair is not split.
    const short = title
      .trim()
      .slice(0, maxTitleLength)
      .replace(/[\uD800-\uDBFF]$/, '');
    return cleanText(short).trim() || null;
  } finally {
    pdfium.fpdf.free(tag);
  }
}
