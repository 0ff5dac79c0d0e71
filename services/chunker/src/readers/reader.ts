import type { ChunkOptions, ChunkPage } from '@millrace/chunking';
import type { MediaType } from '@millrace/contracts';
import type { PageStep, ParsedPage, ParseEnd, ParseRun, RecognizedPage } from '../parseProtocol';

/** How the files of some media types are read. A reader runs in a reading process, under the limits of the pool. */
export interface Reader {
  readonly mediaTypes: readonly MediaType[];
  /**
   * True when the other pages can be read without a page that ends its process. That page then fails alone. Otherwise the
   * document fails with it.
   */
  readonly canSkipPages: boolean;
  /** Loads slow libraries in advance, so that the first document does not wait for them. */
  prepare?(): Promise<unknown>;
  /**
   * Opens the file. It is not called with `run.pages` unless a page of the file has failed.
   * @throws MillraceError with the code that the document fails with.
   */
  open(run: ParseRun, beginPage: BeginPage): Promise<OpenDocument>;
}

/**
 * Announces the page that is read next. Its time limit begins: `limitMs`, or the pool's limit for a page. This
 * page fails if the process ends before the next one is announced. Await it.
 */
export type BeginPage = (step: PageStep, limitMs?: number) => Promise<void>;

/** A file that is being read. `close` must be called. */
export interface OpenDocument {
  /** The document's own outline, if it has one. */
  readonly outline?: ChunkOptions['outline'];
  /**
   * All pages in ascending order, from 1; those that are not wanted as well. Each is announced by `beginPage`. A page that
   * cannot be read has an outcome that says so.
   * @throws MillraceError with the code that the document fails with.
   */
  pages(): AsyncIterable<ReadPage>;
  /** The facts that are known only after the last page. */
  end(): Omit<ParseEnd, 'pageCount'>;
  close(): Promise<void>;
}

export interface ReadPage {
  outcome: ParsedPage;
  /** Null when the page failed. */
  text: ChunkPage | null;
  /** What OCR found on it in this run, or null. */
  recognized: RecognizedPage | null;
}
