import type { Chunk, DocumentRepair, ErrorCode, PageOutcome, ReadingOptions, TextLayer } from '@millrace/contracts';
import type { Recognition, RewriteLimits } from '@millrace/pdf';
import type { ProcessPool, TaskProtocol } from '@millrace/process-pool';

/** The messages between the chunker and a reading process. */
export interface ParseProtocol extends TaskProtocol {
  request: ParseRun;
  message: ParseMessage;
  step: PageStep;
  result: ParseEnd;
}

/** The processes that read documents. Their program is parseProcess.ts. */
export type ReaderPool = ProcessPool<ParseProtocol>;

/** A request to a reading process. */
export interface ParseRequest {
  /** The file's path on the local disk. */
  path: string;
  /** The media type, of a text perhaps with its charset. */
  mimeType: string;
  maxPages: number;
  /** Only these pages get outcomes and chunks; null for all. The other pages are read as context. */
  pages: number[] | null;
  /** With `pages`: the pages that stand for files within the document that could not be read. They are not opened again. */
  unreadFiles?: number[];
  reading: ReadingOptions;
  ocr: OcrSettings;
  /** See openPdf. */
  rewrite?: RewriteLimits | undefined;
}

/** The settings and limits of OCR. */
export interface OcrSettings {
  /** Tesseract's codes. */
  languages: readonly string[];
  /** Pages of one document; the pages beyond fail with OCR_LIMIT. */
  maxPages: number;
  /** Longest one page may take, in milliseconds. */
  pageTimeoutMs: number;
  /** How long after the start of the document OCR of a page may still begin; later pages fail with OCR_LIMIT. */
  totalMs: number;
}

/** A request with the results of earlier runs, each of which a page ended. The result equals the result of a single run. */
export interface ParseRun extends ParseRequest {
  /** Pages not to be read again. */
  lostPages: LostPage[];
  /** Pages not to be recognized again. */
  recognized: RecognizedPage[];
  /** When the first run began, in milliseconds since 1970. */
  startedAt: number;
}

/** A page that ended the process that read it. */
export interface LostPage {
  page: number;
  code: ErrorCode;
}

/** What OCR found on a page. */
export interface RecognizedPage {
  page: number;
  result: Recognition | { code: ErrorCode };
}

/** The page that a process begins to read. */
export interface PageStep {
  /** From 1. */
  page: number;
  /** How many pages the document has; null where only its end tells. */
  pages: number | null;
  /** True when the page's text is being recognized. */
  ocr: boolean;
}

/** The outcome of one page. */
export interface ParsedPage {
  /** From 1. */
  page: number;
  /** The document's own label for the page, or null. */
  label: string | null;
  /** Points, as the page is shown; 0 when unknown. */
  width: number;
  height: number;
  outcome: PageOutcome;
  /** Characters of text, white space not counted. */
  characters: number;
  errorCode: ErrorCode | null;
  /** What was wrong with the page's text layer, or null. */
  textLayer: TextLayer | null;
}

/** The outcome of a lost page. Nothing else is known of it. */
export function outcomeOfLost({ page, code }: LostPage): ParsedPage {
  return { page, label: null, width: 0, height: 0, outcome: 'failed', characters: 0, errorCode: code, textLayer: null };
}

/** A part of the answer. It is small, so that neither process holds a document in one message. */
export interface ParseMessage {
  pages: ParsedPage[];
  chunks: Chunk[];
  recognized: RecognizedPage[];
}

/** The end of the answer. */
export interface ParseEnd {
  pageCount: number;
  /** The names of files within the document that are no part of it. */
  ignoredFiles: string[];
  title: string | null;
  /** How a broken file was made readable, or null. */
  repair: DocumentRepair | null;
}

export interface ParsedDocument extends ParseEnd {
  pages: ParsedPage[];
  chunks: Chunk[];
}
