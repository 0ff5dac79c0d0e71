import { MillraceError } from '@millrace/contracts';
import { AnnotationReader, type ShownText } from './annotations/shownAnnotations';
import type { FileAccess } from './fileAccess';
import { hideLayers } from './hideLayers';
import { loadDocument } from './loadDocument';
import type { Pdfium } from './pdfium';

/** FLAT_NORMALDISPLAY and FLATTEN_SUCCESS of fpdf_flatten.h. */
const normalDisplay = 0;
const flattened = 1;

/** What the file says about how its pages are shown. */
export interface Showing {
  /** True when some layers are switched off. */
  hidesLayers: boolean;
  /** True when viewers draw the values of form fields themselves. */
  needsAppearances: boolean;
}

/** An annotation that holds a file. */
export interface FilePlace {
  page: number;
  index: number;
}

/** What was found on the pages of a document. */
export interface SeenOnPages {
  hasField: boolean;
  /** For each page, the positions of its annotations that hold files. */
  files: Map<number, readonly number[]>;
}

/** A page that is open in the engine, as a viewer shows it. */
export interface OpenPage {
  handle: number;
  /** What a viewer shows besides. */
  texts: readonly ShownText[];
}

/** A document while it is open in the engine. */
export class OpenDocument {
  readonly handle: number;
  private readonly annotations: AnnotationReader;
  /** Appearances become part of a page once. After that the engine no longer tells of the page's annotations. */
  private readonly texts = new Map<number, readonly ShownText[]>();

  /** @throws what loadDocument throws. */
  constructor(
    private readonly pdfium: Pdfium,
    private readonly access: FileAccess,
    private readonly showing: Showing,
    /** What the pages have shown so far. It is kept when the document is opened again. */
    private readonly seen: SeenOnPages,
  ) {
    this.handle = loadDocument(pdfium, access);
    this.annotations = new AnnotationReader(pdfium, this.handle, showing.needsAppearances);
  }

  /**
   * Runs `work` on a page (from 1) as it is shown: without hidden layers, and with what its annotations show. The file is
   * not changed. @throws MillraceError PAGE_FAILED
   */
  withPage<T>(page: number, work: (open: OpenPage) => T): T {
    const { fpdf } = this.pdfium;
    let handle = this.loadPage(page);
    try {
      const { texts, hasAppearances, files, hasField } = this.annotations.read(handle);
      this.seen.hasField ||= hasField;
      if (files.length > 0) {
        this.seen.files.set(page, files);
      }
      if (texts.length > 0) {
        this.texts.set(page, texts);
      }
      // The engine reads text only from a page's own content.
      if (hasAppearances && fpdf.FPDFPage_Flatten(handle, normalDisplay) === flattened) {
        fpdf.FPDF_ClosePage(handle);
        handle = 0;
        handle = this.loadPage(page);
      }
      if (this.showing.hidesLayers) {
        hideLayers(this.pdfium, handle);
      }
      return work({ handle, texts: this.texts.get(page) ?? [] });
    } finally {
      if (handle !== 0) {
        fpdf.FPDF_ClosePage(handle);
      }
    }
  }

  close(): void {
    this.annotations.close();
    this.pdfium.fpdf.FPDF_CloseDocument(this.handle);
  }

  private loadPage(page: number): number {
    const handle = this.pdfium.fpdf.FPDF_LoadPage(this.handle, page - 1);
    this.access.check();
    if (handle === 0) {
      throw new MillraceError('PAGE_FAILED', `Page ${page} cannot be loaded.`);
    }
    return handle;
  }
}
