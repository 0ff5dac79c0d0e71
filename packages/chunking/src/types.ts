import type { ChunkStrategy } from '@millrace/contracts';

/**
 * A line of text on a page. Its box is in fractions (0 to 1) of the shown page, measured from the top left corner. The box
 * of text that has no place on a page is all 0.
 */
export interface ChunkLine {
  /** A tab separates the cells of a table row; two tabs have an empty cell between them. */
  text: string;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  /** Points. */
  fontSize: number;
  bold: boolean;
  /** The depth of a heading, from 1, when the input marks the line as one. */
  headingLevel?: number;
  /**
   * True for code and other text whose white space is kept. Neighbouring lines of it are one block, which an empty line
   * ends.
   */
  preformatted?: boolean;
}

/**
 * A page with its lines in reading order. When all lines have the same box, the layout is unknown. Then each line is a
 * paragraph, neighbouring lines with cells are a table, and only lines with a headingLevel are headings.
 */
export interface ChunkPage {
  /** From 1. Pages come in ascending order. */
  page: number;
  /** Points. */
  width: number;
  height: number;
  lines: readonly ChunkLine[];
}

/** An entry of the document's outline (its bookmarks). */
export interface ChunkOutlineEntry {
  title: string;
  /** Depth, from 1. */
  level: number;
  /** From 1; null when the entry points to no page. */
  page: number | null;
}

/** A part of a document, such as an attached file. */
export interface DocumentPart {
  name: string;
  /** Its pages are numbered as those of the document. */
  outline?: readonly ChunkOutlineEntry[];
}

export interface ChunkOptions {
  /** Default: `structure`. */
  strategy?: ChunkStrategy;
  /** The most tokens (cl100k_base) of a chunk, its overlap included. At least minMaxTokens. */
  maxTokens: number;
  /** The most tokens that a chunk repeats from the end of the chunk before it. At most half of maxTokens. */
  overlapTokens: number;
  /** The document's outline. With two placed entries or more, it names the sections. */
  outline?: readonly ChunkOutlineEntry[];
  /**
   * The pages to make chunks of; all when null or left out. The other pages only give context: the running lines, the style
   * of body text and the open sections. No chunk contains or spans another page.
   */
  wanted?: ReadonlySet<number> | null;
  /** Receives each line of a wanted page that is left out because it is a running header or footer. */
  onLeftOut?: (page: number, line: ChunkLine) => void;
}

/** The smallest maxTokens. One character takes up to four tokens, so below this some characters may not fit. */
export const minMaxTokens = 16;
