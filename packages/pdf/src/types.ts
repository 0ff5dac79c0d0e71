import type { DocumentRepair } from '@millrace/contracts';

/** A line of text on the shown page. */
export interface TextLine {
  /** A tab separates the cells of a table row. Never empty; contains no line break. */
  text: string;
  /** The box, in fractions (0 to 1) of the shown page's width and height from its top left corner. */
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  /** The size of most characters, in points. */
  fontSize: number;
  /** True when most characters are set in a font with a bold name. */
  bold: boolean;
}

/** The text of one page, its lines in reading order. */
export interface PageText {
  /** From 1. */
  page: number;
  /** The page's name in the document ("iv", "A-3"), or null. */
  label: string | null;
  /** The size of the shown (rotated) page in points (1/72 inch). */
  width: number;
  height: number;
  /** The texts of the lines, with line feeds between them. */
  text: string;
  lines: TextLine[];
  /** The share (0 to 1) of drawn characters that the engine has no Unicode for. It took their codes for characters, or none. */
  unmapped: number;
  /** Those of the lines that neither an image of the page nor another engine shows: values of fields without an appearance. */
  undrawn?: TextLine[];
}

/** The shown page, drawn in grays. */
export interface GrayImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Row by row from the top left. 0 is black, 255 is white. */
  pixels: Uint8Array;
  /** Pixels per inch of the page. Less than asked for when the page is too large. */
  dpi: number;
}

export interface RenderOptions {
  dpi: number;
  /** A page that would have more pixels is drawn smaller. */
  maxPixels: number;
}

export interface PageSize {
  /** The size of the shown page in points; 0 when it is unknown. */
  width: number;
  height: number;
}

/** An entry of the document's outline (its bookmarks). */
export interface OutlineEntry {
  title: string;
  /** Depth, from 1. */
  level: number;
  /** From 1; null when the entry points to no page of the document. */
  page: number | null;
}

export interface PdfInfo {
  /** At least 1. */
  pageCount: number;
  /** The title in the document's metadata, or null. */
  title: string | null;
  outline: OutlineEntry[];
  /** How a broken file was made readable, or null. */
  repair: DocumentRepair | null;
  /** True when the pages are only the cover of the attachments. */
  isPortfolio: boolean;
}

/** A file within a PDF. */
export interface PdfAttachment {
  /** One line of at most 200 characters, without folders. Two attachments may have the same name. */
  name: string;
  /** The media type that the PDF gives, or null. */
  mediaType: string | null;
  /**
   * Reads the whole file. A hostile one may be a thousand times larger than in the PDF: the memory of this process must be
   * watched.
   * @throws MillraceError ATTACHMENT_UNREADABLE when it is broken, ATTACHMENT_LIMIT beyond `maxBytes`.
   */
  read(maxBytes: number): Buffer;
}

/** An open PDF. Its pages (from 1) can be read in any order. It must be closed. */
export interface PdfFile {
  readonly info: PdfInfo;
  /**
   * Reads the text of a page.
   * @throws MillraceError PAGE_FAILED when this page cannot be read, although others may be; DOCUMENT_UNREADABLE when the engine
   * broke: close the file and end the process.
   */
  readPage(page: number): PageText;
  /**
   * Reads the text of a page whose codes are not those of characters, where fonts or the text tell what they stand for.
   * Returns null where they do not. @throws MillraceError as readPage does.
   */
  recoverPage(page: number): PageText | null;
  /** False when the engine reads all fonts of the file. Otherwise pages may have text that it does not report. */
  mayHaveLostFonts(): boolean;
  /** Copies a page into a PDF of its own, for another engine. Null when it cannot be copied. @throws MillraceError as readPage does. */
  copyPage(page: number): Uint8Array | null;
  /** The shown size of a page, even of one that cannot be read. */
  pageSize(page: number): PageSize;
  /** The name of a page in the document ("iv"), even of one that cannot be read. Null when it has no name. */
  pageLabel(page: number): string | null;
  /**
   * Draws a page. Absent when the engine cannot draw.
   * @throws MillraceError as readPage does.
   */
  renderPage?(page: number, options: RenderOptions): GrayImage;
  /** The part (0 to 1) of a page that its largest image covers. @throws MillraceError as readPage does. */
  largestImage(page: number): number;
  /** The files within the PDF: those in its list, then those of the pages that have been read. */
  attachments(): PdfAttachment[];
  /**
   * True when the document is an XFA form that a program of its own draws. Its pages only say that this program is needed.
   * Ask after all pages have been read.
   */
  isUnreadForm(): boolean;
  /** Frees the memory and closes the file. A second call does nothing. */
  close(): void;
}
