import { cleanText, MillraceError } from '@millrace/contracts';
import { readCatalog } from '../structure/catalogFacts';
import { mayHavePredefinedEncoding } from '../structure/predefinedEncodings';
import { buildLines } from '../text/buildLines';
import { PageCharacters } from '../text/pageCharacters';
import type { GrayImage, PageSize, PageText, PdfAttachment, PdfFile, PdfInfo, RenderOptions } from '../types';
import { placeTexts, undrawnLines } from './annotations/placeTexts';
import { attachmentsOf } from './attachments';
import { copyPage } from './copyPage';
import type { FileAccess } from './fileAccess';
import { largestImage } from './largestImage';
import { type FilePlace, OpenDocument, type OpenPage, type SeenOnPages, type Showing } from './openDocument';
import { readGeometry, roundedSize } from './pageGeometry';
import { guarded, type Pdfium } from './pdfium';
import { readCharacters } from './readCharacters';
import { type InfoOptions, readInfo } from './readInfo';
import { type RecoveredCodes, recoverCodes } from './recoverCodes';
import { renderGray } from './render';
import { unmappedShare } from './unmapped';

/** A longer label is not a page number. */
const maxLabelBytes = 256;
/**
 * The document is opened again after this many bytes have been read. While it is open, the engine keeps every object
 * that it has read, among them the pictures of all pages. Without this limit, 5,000 pages in 316 MB took 463 MiB.
 */
const reopenAfterBytes = 32 * 2 ** 20;

/** XFA_FULL and XFA_FOREGROUND of fpdf_formfill.h: the form is drawn by a program of its own, or may be. */
const formType = { runXfa: 2, xfa: 3 };

/** A PDF that is open in PDFium. It is read page by page. */
export class PdfiumFile implements PdfFile {
  private isClosed = false;
  private readonly characters = new PageCharacters();
  private mayLoseFonts: boolean | null = null;
  /** How many bytes the engine had read when the document was last opened. */
  private deliveredAtOpening: number;

  private constructor(
    private readonly pdfium: Pdfium,
    private readonly access: FileAccess,
    private readonly showing: Showing,
    private readonly seen: SeenOnPages,
    /** Null after it could not be opened again. */
    private document: OpenDocument | null,
    readonly info: PdfInfo,
  ) {
    this.deliveredAtOpening = access.delivered;
  }

  /** @throws what loadDocument and readInfo throw. */
  static open(pdfium: Pdfium, access: FileAccess, options: InfoOptions): PdfiumFile {
    const { needsAppearances, hidesLayers, isPortfolio, update } = readCatalog(access);
    if (update !== null) {
      access.append(update);
    }
    const showing: Showing = { needsAppearances, hidesLayers };
    const seen: SeenOnPages = { hasField: false, files: new Map() };
    const document = new OpenDocument(pdfium, access, showing, seen);
    try {
      const info = { ...readInfo(pdfium, document.handle, options), isPortfolio };
      return new PdfiumFile(pdfium, access, showing, seen, document, info);
    } catch (error) {
      document.close();
      throw error;
    }
  }

  readPage(page: number): PageText {
    return this.withPage(page, (open) => this.withText(page, open, (textPage) => this.readText(page, open, textPage)));
  }

  recoverPage(page: number): PageText | null {
    return this.withPage(page, (open) =>
      this.withText(page, open, (textPage) => {
        const recovered = recoverCodes(this.pdfium, textPage);
        return recovered === null ? null : this.readText(page, open, textPage, recovered);
      }),
    );
  }

  mayHaveLostFonts(): boolean {
    this.mayLoseFonts ??= mayHavePredefinedEncoding(this.access);
    return this.mayLoseFonts;
  }

  copyPage(page: number): Uint8Array | null {
    // The page is loaded so that the engine's errors are those of readPage.
    return this.withPage(page, () => {
      const copy = copyPage(this.pdfium, this.documentHandle(), page);
      this.access.check();
      return copy;
    });
  }

  renderPage(page: number, options: RenderOptions): GrayImage {
    return this.withPage(page, ({ handle }) =>
      renderGray(this.pdfium, handle, roundedSize(readGeometry(this.pdfium, handle)), options),
    );
  }

  largestImage(page: number): number {
    return this.withPage(page, ({ handle }) => largestImage(this.pdfium, handle, readGeometry(this.pdfium, handle)));
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
    return this.pdfium.fpdf.FPDF_GetPageSizeByIndexF(this.documentHandle(), page - 1, this.pdfium.scratch) !== 0;
  }

  pageLabel(page: number): string | null {
    this.checkPage(page);
    return guarded(() => {
      const label = this.pdfium.readUtf16(
        (buffer, size) => this.pdfium.fpdf.FPDF_GetPageLabel(this.documentHandle(), page - 1, buffer, size),
        maxLabelBytes,
      );
      return cleanText(label).trim() || null;
    });
  }

  attachments(): PdfAttachment[] {
    const places = [...this.seen.files].flatMap(([page, files]) => files.map((index): FilePlace => ({ page, index })));
    return attachmentsOf(
      this.pdfium,
      ({ isFresh }, work) => guarded(() => work((isFresh ? this.reopen() : this.boundMemory()).handle)),
      places.sort((one, other) => one.page - other.page),
    );
  }

  isUnreadForm(): boolean {
    const type = guarded(() => this.pdfium.fpdf.FPDF_GetFormType(this.documentHandle()));
    return type === formType.runXfa || (type === formType.xfa && !this.seen.hasField);
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

  private withPage<T>(page: number, work: (open: OpenPage) => T): T {
    this.checkPage(page);
    return guarded(() => this.boundMemory().withPage(page, work));
  }

  /** Opens the document again when the engine may keep much of it in memory. Returns the open document. */
  private boundMemory(): OpenDocument {
    const { document } = this;
    const isSmall = this.access.delivered - this.deliveredAtOpening <= reopenAfterBytes;
    return document !== null && isSmall ? document : this.reopen();
  }

  private reopen(): OpenDocument {
    this.closeDocument();
    const opened = new OpenDocument(this.pdfium, this.access, this.showing, this.seen);
    this.document = opened;
    this.deliveredAtOpening = this.access.delivered;
    return opened;
  }

  private documentHandle(): number {
    return this.document?.handle ?? 0;
  }

  private closeDocument(): void {
    const { document } = this;
    this.document = null;
    document?.close();
  }

  private withText<T>(page: number, { handle }: OpenPage, work: (textPage: number) => T): T {
    const { fpdf } = this.pdfium;
    const textPage = fpdf.FPDFText_LoadPage(handle);
    this.access.check();
    if (textPage === 0) {
      throw new MillraceError('PAGE_FAILED', `The text of page ${page} cannot be loaded.`);
    }
    try {
      return work(textPage);
    } finally {
      fpdf.FPDFText_ClosePage(textPage);
    }
  }

  private readText(
    page: number,
    { handle, texts }: OpenPage,
    textPage: number,
    recovered: RecoveredCodes | null = null,
  ): PageText {
    const geometry = readGeometry(this.pdfium, handle);
    readCharacters(this.pdfium, textPage, geometry, this.characters, recovered);
    placeTexts(this.characters, texts, geometry);
    const lines = buildLines(this.characters, geometry);
    return {
      page,
      label: this.pageLabel(page),
      ...roundedSize(geometry),
      text: lines.map((line) => line.text).join('\n'),
      lines,
      unmapped: recovered === null ? unmappedShare(this.pdfium, textPage) : 0,
      ...(texts.length > 0 && { undrawn: undrawnLines(texts, geometry) }),
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
