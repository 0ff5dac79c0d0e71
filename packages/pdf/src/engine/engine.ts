import { cleanText, type DocumentRepair, MillraceError } from '@millrace/contracts';
import { PageCharacters, readCharacters } from '../text/characters';
import { pageGeometry } from '../text/geometry';
import { buildLines } from '../text/lines';
import type { GrayImage, PageSize, PageText, PdfFile, PdfInfo } from '../types';
import type { FileAccess } from './fileSource';
import { flattenFields } from './formFields';
import { largestImage } from './images';
import { readInfo } from './info';
import { loadDocument } from './loadDocument';
import { guarded, type Pdfium } from './pdfium';
import { renderGray } from './render';

/** The largest page a PDF may have without a user unit, in points. Broken files claim millions. */
const maxPagePoints = 14_400;
/** Longer ones are no page numbers. */
const maxLabelBytes = 256;
/**
 * An open document keeps every object the engine has read of it (the pictures of all pages seen, as they are in the
 * file), so it is opened anew after so many bytes. Measured on 5,000 pages in 316 MB: 463 MiB without.
 */
const reopenAfterBytes = 32 * 2 ** 20;

/** A PDF that the engine has open: reads it page by page. */
export class OpenPdf implements PdfFile {
  private closed = false;
  private readonly characters = new PageCharacters();
  /** What the engine had read of the file when the document was opened. */
  private deliveredAtOpening: number;

  private constructor(
    private readonly pdfium: Pdfium,
    private readonly access: FileAccess,
    /** 0 once it could not be opened anew. */
    private document: number,
    readonly info: PdfInfo,
  ) {
    this.deliveredAtOpening = access.delivered;
  }

  /** @throws what loadDocument and readInfo throw. */
  static open(pdfium: Pdfium, access: FileAccess, repair: DocumentRepair | null, maxPages: number): OpenPdf {
    const document = loadDocument(pdfium, access);
    try {
      return new OpenPdf(pdfium, access, document, readInfo(pdfium, document, repair, maxPages));
    } catch (error) {
      pdfium.fpdf.FPDF_CloseDocument(document);
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

  largestImage(page: number): number {
    return this.withPage(page, (handle) => {
      const { width, height } = pageGeometry(this.pdfium, handle);
      return largestImage(this.pdfium, handle, width, height);
    });
  }

  pageSize(page: number): PageSize {
    this.mustHold(page);
    return guarded(() => {
      if (!this.measure(page)) {
        return { width: 0, height: 0 };
      }
      const { scratch, memory } = this.pdfium;
      return { width: points(memory.f32[scratch / 4] ?? 0), height: points(memory.f32[scratch / 4 + 1] ?? 0) };
    });
  }

  /** How many pages are there at all; the file may promise more than it holds. */
  countReachablePages(): number {
    return guarded(() => {
      let count = 0;
      for (let page = 1; page <= this.info.pageCount; page++) {
        count += this.measure(page) ? 1 : 0;
      }
      return count;
    });
  }

  /** Puts the page's width and height into the scratch memory; false when there is no such page. */
  private measure(page: number): boolean {
    return this.pdfium.fpdf.FPDF_GetPageSizeByIndexF(this.document, page - 1, this.pdfium.scratch) !== 0;
  }

  pageLabel(page: number): string | null {
    this.mustHold(page);
    return guarded(() => {
      const label = this.pdfium.readUtf16(
        (buffer, size) => this.pdfium.fpdf.FPDF_GetPageLabel(this.document, page - 1, buffer, size),
        maxLabelBytes,
      );
      return cleanText(label).trim() || null;
    });
  }

  close(): void {
    if (this.closed) {
      return;
    }
    this.closed = true;
    try {
      guarded(() => this.closeDocument());
    } finally {
      this.access.close();
    }
  }

  private withPage<T>(page: number, work: (handle: number) => T): T {
    this.mustHold(page);
    return guarded(() => {
      this.boundMemory();
      const { fpdf } = this.pdfium;
      let handle = this.loadPage(page);
      try {
        if (flattenFields(this.pdfium, handle)) {
          fpdf.FPDF_ClosePage(handle);
          handle = 0;
          handle = this.loadPage(page);
        }
        return work(handle);
      } finally {
        if (handle !== 0) {
          fpdf.FPDF_ClosePage(handle);
        }
      }
    });
  }

  private loadPage(page: number): number {
    const handle = this.pdfium.fpdf.FPDF_LoadPage(this.document, page - 1);
    this.access.check();
    if (handle === 0) {
      throw new MillraceError('PAGE_FAILED', `Page ${page} cannot be loaded.`);
    }
    return handle;
  }

  /** Opens the document anew when the engine may hold much of it. */
  private boundMemory(): void {
    if (this.document !== 0 && this.access.delivered - this.deliveredAtOpening <= reopenAfterBytes) {
      return;
    }
    this.closeDocument();
    this.document = loadDocument(this.pdfium, this.access);
    this.deliveredAtOpening = this.access.delivered;
  }

  private closeDocument(): void {
    const { document } = this;
    this.document = 0;
    if (document !== 0) {
      this.pdfium.fpdf.FPDF_CloseDocument(document);
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
      label: this.pageLabel(page),
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

function points(value: number): number {
  return Number.isFinite(value) ? Math.min(maxPagePoints, Math.max(0, Math.round(value * 100) / 100)) : 0;
}
