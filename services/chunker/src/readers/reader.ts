import type { ChunkOptions, ChunkPage, DocumentPart } from '@millrace/chunking';
import type { MediaType } from '@millrace/contracts';
import type { PageStep, ParsedPage, ParseEnd, ParseRun, RecognizedPage } from '../parseProtocol';

/** How the files of some media types are read. A reader runs in a reading process, under the limits of the pool. */
export interface Reader {
  readonly mediaTypes: readonly MediaType[];
  /**
   * True when the other pages can still be read after one page has ended its process. Then only that page fails.
   * Otherwise the document fails.
   */
  readonly canSkipPages: boolean;
  /** Loads slow libraries in advance, so that the first document does not wait for them. */
  prepare?(): Promise<unknown>;
  /**
   * Opens the file. `run.pages` is null at first. It is set only when failed pages are read again.
   * @throws MillraceError with the code that the document fails with.
   */
  open(run: ParseRun, beginPage: BeginPage): Promise<OpenDocument>;
}

/**
 * Announces a page and starts its time limit: `limitMs`, or the pool's limit for a page. The page fails if the process ends
 * before the next announcement. A reader announces a page before it reads it, or, where pages are cheap, before it gives
 * it. Await it.
 */
export type BeginPage = (step: PageStep, limitMs?: number) => Promise<void>;

/** A file that is being read. `close` must be called. */
export interface OpenDocument {
  /** The document's own outline, if it has one. */
  readonly outline?: ChunkOptions['outline'];
  /**
   * Returns all pages in ascending order, from 1, also pages that are not in `run.pages`. Each is announced by `beginPage`.
   * A page that cannot be read has the outcome `failed`.
   * @throws MillraceError with the code that the document fails with.
   */
  pages(): AsyncIterable<ReadPage>;
  /** Returns the facts that are known only after the last page. Call it then. */
  summary(): Omit<ParseEnd, 'pageCount'>;
  close(): Promise<void>;
}

export interface ReadPage {
  outcome: ParsedPage;
  /** Null when the page failed. */
  text: ChunkPage | null;
  /** What OCR found on it in this run, or null. */
  recognized: RecognizedPage | null;
  /** The file within the document that the page belongs to. The same object for all of its pages. */
  part?: DocumentPart;
}
