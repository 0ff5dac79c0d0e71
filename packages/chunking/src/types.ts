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
  /** 1 to 6 where the input itself says that this is a heading. */
  headingLevel?: number;
}

/** A page as the chunker needs it; lines in reading order. */
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
  /** No chunk has more tokens (cl100k_base), its overlap included. At least MIN_MAX_TOKENS. */
  maxTokens: number;
  /** How many tokens a chunk may repeat from the end of the one before; at most half of maxTokens. */
  overlapTokens: number;
  /** The document's outline, if it has one: chunks are named after it. */
  outline?: readonly ChunkOutlineEntry[];
}

/** Below this a single character may not fit (one takes up to four tokens). */
export const MIN_MAX_TOKENS = 16;
