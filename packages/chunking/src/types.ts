import type { ChunkStrategy } from '@millrace/contracts';

/**
 * A line of text on a shown page: coordinates are fractions (0 to 1) from its top left corner, all 0 for text that has no
 * place on a page.
 */
export interface ChunkLine {
  /** Cells of a table-like row are separated by a tab. */
  text: string;
  x0: number;
  y0: number;
  x1: number;
  y1: number;
  /** Points. */
  fontSize: number;
  bold: boolean;
  /** Given when the input says itself that the line is a heading of this depth, from 1. */
  headingLevel?: number;
}

/**
 * A page as the chunker needs it; lines in reading order. Where all lines have the same place nothing is known of the
 * layout: then each line is a paragraph, neighbouring lines with cells are a table, and headings are the lines that
 * say so.
 */
export interface ChunkPage {
  /** From 1; pages come in ascending order. */
  page: number;
  /** Points. */
  width: number;
  height: number;
  lines: readonly ChunkLine[];
}

export interface ChunkOutlineEntry {
  title: string;
  /** Depth, from 1. */
  level: number;
  /** From 1; null when the entry points to no page. */
  page: number | null;
}

export interface ChunkOptions {
  /** What chunks follow; `structure` unless given. */
  strategy?: ChunkStrategy;
  /** No chunk has more tokens (cl100k_base), its overlap included. At least minMaxTokens. */
  maxTokens: number;
  /** How many tokens a chunk may repeat from the end of the one before; at most half of maxTokens. */
  overlapTokens: number;
  /** The document's outline, if it has one: chunks are named after it. */
  outline?: readonly ChunkOutlineEntry[];
  /**
   * The pages to make chunks of; all when null or left out. The others only give context: which lines run through the
   * pages, how text is set, which section goes on. No chunk holds any of them, or reaches over one.
   */
  wanted?: ReadonlySet<number> | null;
  /** Told of each line of a wanted page that no chunk holds because it is a running header or footer. */
  onLeftOut?: (page: number, line: ChunkLine) => void;
}

/** Below this a single character may not fit (one takes up to four tokens). */
export const minMaxTokens = 16;
