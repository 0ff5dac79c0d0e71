import { cleanText, MillraceError } from '@millrace/contracts';
import { PageCharacters, readCharacters } from './characters';
import { type FileAccess, openFileAccess } from './fileSource';
import { pageGeometry } from './geometry';
import { buildLines } from './lines';
import { readOutline } from './outline';
import { guarded, loadPdfium, type Pdfium } from './pdfium';
import { renderGray } from './render';
import type { GrayImage, PageSize, PageText, PdfFile, PdfInfo } from './types';

/** The largest page a PDF may have without a user unit, in points. Broken files claim millions. */
const MAX_PAGE_POINTS = 14_400;

/**
 * The engine keeps what it has read of a document until that is closed. So the document is opened anew whenever it has
 * read this much. Measured on 5,000 pages in 300 MB: the process takes 216 MB at most instead of 499.
 */
const MAX_BYTES_HELD = 24 * 1024 * 1024;

/**
 * Opens the PDF at `path` for reading text. The file is read piece by piece, never held as a whole.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED (it asks for a password) or PDF_UNREADABLE (the engine broke); the
 * file system's error when the file cannot be read.
 */
export async function openPdf(path: string): Promise<PdfFile> {
  const pdfium = await loadPdfium();
  const access = openFileAccess(pdfium, path);
  try {
    return guarded(() => OpenPdf.open(pdfium, access));
  } catch (error) {
    access.close();
    throw error;
  }
}

class OpenPdf implements PdfFile {
  private closed = false;
  private bytesBefore = 0;
  private readonly characters = new PageCharacters();

  private constructor(
    private readonly pdfium: Pdfium,
    private readonly access: FileAccess,
    private readonly load: () => number,
    private document: number,
    readonly info: PdfInfo,
  ) {}

  static open(pdfium: Pdfium, access: FileAccess): OpenPdf {
    const { fpdf } = pdfium;
    const load = () => {
      const document = fpdf.FPDF_LoadCustomDocument(access.access, 0);
      access.check();
      if (document === 0) {
        throw openingError(fpdf.FPDF_GetLastError());
      }
      return document;
    };
    const document = load();
    try {
      const pageCount = fpdf.FPDF_GetPageCount(document);
      if (pageCount < 1) {
        throw new MillraceError('PDF_CORRUPT', 'The PDF holds no pages that can be found.');
      }
      const outline = readOutline(pdfium, document, pageCount);
      const info = { pageCount, title: readTitle(pdfium, document), outline };
      return new OpenPdf(pdfium, access, load, document, info);
    } catch (error) {
      fpdf.FPDF_CloseDocument(document);
      throw error;
    }
  }

  readPage(page: number): PageText {
    return this.withPage(page, (handle) => this.readText(page, handle));
  }

  renderPage(page: number, options: { dpi: number; maxPixels: number }): GrayImage {
    return this.withPage(page, (handle) => {
      const { width, height } = pageGeometry(this.pdfium, handle);
      return renderGray(this.pdfium, handle, { width: points(width), height: points(height) }, options);
    });
  }

  pageSize(page: number): PageSize {
    this.mustHold(page);
    return guarded(() => {
      const { fpdf, scratch } = this.pdfium;
      if (fpdf.FPDF_GetPageSizeByIndexF(this.document, page - 1, scratch) === 0) {
        return { width: 0, height: 0 };
      }
      const { f32 } = this.pdfium.memory;
      return { width: points(f32[scratch / 4] ?? 0), height: points(f32[scratch / 4 + 1] ?? 0) };
    });
  }

  close(): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    try {
      if (this.document !== 0) {
        guarded(() => this.pdfium.fpdf.FPDF_CloseDocument(this.document));
      }
    } finally {
      this.access.close();
    }
  }

  private withPage<T>(page: number, work: (handle: number) => T): T {
    this.mustHold(page);
    return guarded(() => {
      this.letGo();
      const { fpdf } = this.pdfium;
      const handle = fpdf.FPDF_LoadPage(this.document, page - 1);
      this.access.check();
      if (handle === 0) {
        throw new MillraceError('PAGE_FAILED', `Page ${page} cannot be loaded.`);
      }
      try {
        return work(handle);
      } finally {
        fpdf.FPDF_ClosePage(handle);
      }
    });
  }

  /** Has the engine give up what it holds of the document, once that is much. No page may be open. */
  private letGo(): void {
    if (this.access.bytesRead() - this.bytesBefore > MAX_BYTES_HELD) {
      const { document } = this;
      this.document = 0;
      this.pdfium.fpdf.FPDF_CloseDocument(document);
      this.document = this.load();
      this.bytesBefore = this.access.bytesRead();
    }
  }

  private readText(page: number, handle: number): PageText {
    const { fpdf } = this.pdfium;
    const geometry = pageGeometry(this.pdfium, handle);
    const text = fpdf.FPDFText_LoadPage(handle);
    this.access.check();
    if (text === 0) {
      throw new MillraceError('PAGE_FAILED', `The text of page ${page} cannot be loaded.`);
    }
    try {
      readCharacters(this.pdfium, text, geometry, this.characters);
    } finally {
      fpdf.FPDFText_ClosePage(text);
    }
    const lines = buildLines(this.characters, geometry.width, geometry.height);
    return {
      page,
      width: points(geometry.width),
      height: points(geometry.height),
      text: lines.map((line) => line.text).join('\n'),
      lines,
    };
  }

  private mustHold(page: number): void {
    if (this.closed) {
      throw new Error('The PDF is closed.');
    }
    if (!Number.isInteger(page) || page < 1 || page > this.info.pageCount) {
      throw new RangeError(`There is no page ${page}; the PDF has ${this.info.pageCount}.`);
    }
  }
}

/** FPDF_GetLastError's numbers after a failed opening. */
function openingError(number: number): MillraceError {
  switch (number) {
    case 4:
      return new MillraceError('PDF_ENCRYPTED');
    case 5:
      return new MillraceError('PDF_ENCRYPTED', 'The PDF is encrypted in a way that the PDF engine does not support.');
    default:
      return new MillraceError('PDF_CORRUPT', `The PDF is broken and cannot be opened (PDFium error ${number}).`);
  }
}

function readTitle(pdfium: Pdfium, document: number): string | null {
  const tag = pdfium.fpdf.malloc(6);
  try {
    pdfium.memory.u8.set(Buffer.from('Title\0', 'latin1'), tag);
    const title = pdfium.readUtf16((buffer, size) => pdfium.fpdf.FPDF_GetMetaText(document, tag, buffer, size));
    return cleanText(title).trim() || null;
  } finally {
    pdfium.fpdf.free(tag);
  }
}

function points(value: number): number {
  return Number.isFinite(value) ? Math.min(MAX_PAGE_POINTS, Math.max(0, Math.round(value * 100) / 100)) : 0;
}
