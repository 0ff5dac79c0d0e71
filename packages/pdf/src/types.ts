import type { DocumentRepair } from '@millrace/contracts';

/** One line of text as it stands on the shown page. */
export interface TextLine {
  /** The line's words; cells of a table-like row are separated by a tab. Never empty, never holds a line break. */
  text: string;
  /** Fractions (0 to 1) of the shown page's width and height from its top left corner. */
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  /** Size of most of the line's characters, in points. */
  fontSize: number;
  /** True when most of the line's characters are set in a font named bold. */
  bold: boolean;
}

/** The text of one page, its lines in reading order. */
export interface PageText {
  /** From 1. */
  page: number;
  /** What the document itself calls the page ("iv", "A-3"), or null. */
  label: string | null;
  /** Points (1/72 inch), as the page is shown: after rotation. */
  width: number;
  height: number;
  /** The lines' texts, one per row. */
  text: string;
  lines: TextLine[];
}

/** A page as it is shown, drawn in grays. */
export interface GrayImage {
  /** Pixels. */
  width: number;
  height: number;
  /** Row by row from the top left, 0 black to 255 white. */
  pixels: Uint8Array;
  /** Pixels in an inch of the page: less than asked for where the page is too large. */
  dpi: number;
}

export interface PageSize {
  /** Points, as the page is shown; 0 when the page cannot be measured. */
  width: number;
  height: number;
}

export interface OutlineEntry {
  title: string;
  /** Depth in the tree, from 1. */
  level: number;
  /** The page it points to, from 1; null when it points elsewhere or nowhere. */
  page: number | null;
}

export interface PdfInfo {
  /** At least 1. */
  pageCount: number;
  /** The title from the document's metadata, or null. */
  title: string | null;
  outline: OutlineEntry[];
  /** How a broken file was made readable, or null. */
  repair: DocumentRepair | null;
}

/** An open PDF. Pages may be read in any order; `close` must be called. */
export interface PdfFile {
  readonly info: PdfInfo;
  /**
   * The text of page `page` (from 1).
   * @throws MillraceError PAGE_FAILED when this page cannot be read (the others may be), DOCUMENT_UNREADABLE when the
   * engine itself broke: close the file and end the process.
   */
  readPage(page: number): PageText;
  /** The shown size of page `page` (from 1), also of one that cannot be read. */
  pageSize(page: number): PageSize;
  /** What the document itself calls page `page` (from 1), also one that cannot be read; null when it has no name. */
  pageLabel(page: number): string | null;
  /**
   * Draws page `page` (from 1), smaller than asked for where it would have more than `maxPixels`. Absent where the engine
   * cannot draw.
   * @throws MillraceError as readPage does.
   */
  renderPage?(page: number, options: { dpi: number; maxPixels: number }): GrayImage;
  /** Which part (0 to 1) of page `page` (from 1) its largest image covers. @throws MillraceError as readPage does. */
  largestImage(page: number): number;
  /** Frees everything the file holds. Calling it again does nothing. */
  close(): void;
}
