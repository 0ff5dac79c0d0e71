import { cleanText, MillraceError } from '@millrace/contracts';
import { buildLines } from '../text/buildLines';
import { PageCharacters } from '../text/pageCharacters';
import type { GrayImage, PageSize, PageText, PdfFile, PdfInfo, RenderOptions } from '../types';
import type { FileAccess } from './fileAccess';
import { flattenFields } from './formFields';
import { largestImage } from './largestImage';
import { loadDocument } from './loadDocument';
import { readGeometry, roundedSize } from './pageGeometry';
import { guarded, type Pdfium } from './pdfium';
import { readCharacters } from './readCharacters';
import { type InfoOptions, readInfo } from './readInfo';
import { renderGray } from './render';

/** A longer label is not a page number. */
const maxLabelBytes = 256;
/**
 * The document is opened again after this many bytes have been read. While it is open, the engine keeps every object
 * that it has read, among them the pictures of all pages. Without this limit, 5,000 pages in 316 MB took 463 MiB.
 */
const reopenAfterBytes = 32 * 2 ** 20;

/** A PDF that is open in PDFium. It is read page by page. */
export class PdfiumFile implements PdfFile {
  private isClosed = false;
  private readonly characters = new PageCharacters();
  /** How many bytes the engine had read when the document was last opened. */
  private deliveredAtOpening: number;

  private constructor(
    private readonly pdfium: Pdfium,
    private readonly access: FileAccess,
    /** The handle of the document; 0 after it could not be opened again. */
    private document: number,
    readonly info: PdfInfo,
  ) {
    this.deliveredAtOpening = access.delivered;
  }

  /** @throws what loadDocument and readInfo throw. */
  static open(pdfium: Pdfium, access: FileAccess, options: InfoOptions): PdfiumFile {
    const document = loadDocument(pdfium, access);
    try {
      return new PdfiumFile(pdfium, access, document, readInfo(pdfium, document, options));
    } catch (error) {
      pdfium.fpdf.FPDF_CloseDocument(document);
      throw error;
    }
  }

  readPage(page: number): PageText {
    return this.withPage(page, (handle) => this.readText(page, handle));
  }

  renderPage(page: number, options: RenderOptions): GrayImage {
    return this.withPage(page, (handle) =>
      renderGray(this.pdfium, handle, roundedSize(readGeometry(this.pdfium, handle)), options),
    );
  }

  largestImage(page: number): number {
    return this.withPage(page, (handle) => largestImage(this.pdfium, handle, readGeometry(this.pdfium, handle)));
  }

  pageSize(page: number): PageSize {
    this.checkPage(page);
    return guarded(() => {
      if (!this.measure(page)) {
        return { width: 0, height: 0 };
      }
      const { scratch, memory } = this.pdfium;
      return roundedSize({ width: memory.f32[scratch / 4] ?? 0, height: memory.f32[scratch / 4 + 1] ?? 0 });
    });
  }

  /** Counts the pages that exist. A broken file may claim more than it has. */
  countReachablePages(): number {
    return guarded(() => {
      let count = 0;
      for (let page = 1; page <= this.info.pageCount; page++) {
        count += this.measure(page) ? 1 : 0;
      }
      return count;
    });
  }

  /** Writes the page's width and height to the scratch memory. Returns false when the page does not exist. */
  private measure(page: number): boolean {
    return this.pdfium.fpdf.FPDF_GetPageSizeByIndexF(this.document, page - 1, this.pdfium.scratch) !== 0;
  }

  pageLabel(page: number): string | null {
    this.checkPage(page);
    return guarded(() => {
      const label = this.pdfium.readUtf16(
        (buffer, size) => this.pdfium.fpdf.FPDF_GetPageLabel(this.document, page - 1, buffer, size),
        maxLabelBytes,
      );
      return cleanText(label).trim() || null;
    });
  }

  close(): void {
    if (this.isClosed) {
      return;
    }
    this.isClosed = true;
    try {
      guarded(() => this.closeDocument());
    } finally {
      this.access.close();
    }
  }

  private withPage<T>(page: number, work: (handle: number) => T): T {
    this.checkPage(page);
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

  /** Opens the document again when the engine may keep much of it in memory. */
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
    const geometry = readGeometry(this.pdfium, handle);
    const textPage = fpdf.FPDFText_LoadPage(handle);
    this.access.check();
    if (textPage === 0) {
      throw new MillraceError('PAGE_FAILED', `The text of page ${page} cannot be loaded.`);
    }
    try {
      readCharacters(this.pdfium, textPage, geometry, this.characters);
    } finally {
      fpdf.FPDFText_ClosePage(textPage);
    }
    const lines = buildLines(this.characters, geometry);
    return {
      page,
      label: this.pageLabel(page),
      ...roundedSize(geometry),
      text: lines.map((line) => line.text).join('\n'),
      lines,
    };
  }

  private checkPage(page: number): void {
    if (this.isClosed) {
      throw new Error('The PDF is closed.');
    }
    if (!Number.isInteger(page) || page < 1 || page > this.info.pageCount) {
      throw new RangeError(`Page ${page} does not exist. The PDF has ${this.info.pageCount} pages.`);
    }
  }
}
