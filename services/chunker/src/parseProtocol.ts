import type { Chunk, DocumentRepair, ErrorCode, PageOutcome, ReadingOptions } from '@millrace/contracts';
import type { RewriteLimits, TextLine } from '@millrace/pdf';

/** What the parser process is asked to do. */
export interface ParseRequest {
  /** The file's path on the local disk. */
  path: string;
  /** What kind of file it is, of text maybe with its charset. */
  mimeType: string;
  maxPages: number;
  /** Of a PDF, only these have an outcome and chunks; null for all. The others are read for what they tell about these. */
  pages: number[] | null;
  reading: ReadingOptions;
  ocr: OcrSettings;
  /** See openPdf. */
  rewrite?: RewriteLimits | undefined;
}

/** How pages are recognized, and what that may cost. */
export interface OcrSettings {
  /** By their codes in Tesseract. */
  languages: readonly string[];
  /** Pages of one document; those beyond it fail with OCR_LIMIT. */
  maxPages: number;
  /** The longest one page may take, in milliseconds. */
  pageTimeoutMs: number;
  /** How long after the beginning of the document pages may still be begun; later ones fail with OCR_LIMIT too. */
  totalMs: number;
}

/** A request, and what is known from earlier runs that a page ended: the result is as if there had been one run. */
export interface ParseRun extends ParseRequest {
  /** Pages not to be looked at again. */
  lostPages: LostPage[];
  /** Pages that need not be recognized again. */
  recognized: RecognizedPage[];
  /** When the first run began, in milliseconds since 1970. */
  startedAt: number;
}

/** A page that ended the process that read it. */
export interface LostPage {
  page: number;
  code: ErrorCode;
}

/** What OCR made of a page. */
export interface RecognizedPage {
  page: number;
  result: { lines: TextLine[] } | { code: ErrorCode };
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
  outcome: PageOutcome;
  /** Characters of text, white space not counted. */
  characters: number;
  errorCode: ErrorCode | null;
}

/** What becomes of a page of which nothing is known but how it ended its process. */
export function outcomeOfLost({ page, code }: LostPage): ParsedPage {
  return { page, label: null, width: 0, height: 0, outcome: 'failed', characters: 0, errorCode: code };
}

/** Part of an answer: small, so that neither process holds a document in one message. */
export interface ParseMessage {
  pages: ParsedPage[];
  chunks: Chunk[];
  recognized: RecognizedPage[];
}

/** The end of an answer. */
export interface ParseEnd {
  pageCount: number;
  title: string | null;
  /** How the file was made readable, if it was broken. */
  repair: DocumentRepair | null;
}

export interface ParsedDocument extends ParseEnd {
  pages: ParsedPage[];
  chunks: Chunk[];
}
