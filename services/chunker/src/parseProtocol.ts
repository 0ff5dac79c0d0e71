import type { Chunk, ErrorCode, ReadingOptions } from '@millrace/contracts';

/** What the parser process is asked to do. */
export interface ParseRequest {
  /** The PDF's path on the local disk. */
  path: string;
  maxPages: number;
  reading: ReadingOptions;
}

/** What became of one page. */
export interface ParsedPage {
  /** From 1. */
  page: number;
  /** What the document itself calls the page, or null. */
  label: string | null;
  /** Points, as the page is shown; 0 when unknown. */
  width: number;
  height: number;
  outcome: 'text' | 'empty' | 'failed';
  /** Characters of text, white space not counted. */
  characters: number;
  error_code: ErrorCode | null;
}

/** Part of an answer: small, so that neither process holds a document in one message. */
export interface ParseMessage {
  pages: ParsedPage[];
  chunks: Chunk[];
}

/** The end of an answer. */
export interface ParseEnd {
  pageCount: number;
  title: string | null;
}

export interface ParsedDocument extends ParseEnd {
  pages: ParsedPage[];
  chunks: Chunk[];
}
