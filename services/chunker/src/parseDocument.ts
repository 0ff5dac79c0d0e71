import { type Chunk, MillraceError } from '@millrace/contracts';
import { TaskEndedError } from '@millrace/process-pool';
import {
  type LostPage,
  outcomeOfLost,
  type PageStep,
  type ParsedDocument,
  type ParsedPage,
  type ParseMessage,
  type ParseRequest,
  type ParseRun,
  type ReaderPool,
} from './parseProtocol';
import { readerOf } from './readers/readerTable';
import { documentTimeout, PageError, toReadingError } from './readingErrors';

export type { ParsedDocument, ParsedPage, ParseRequest } from './parseProtocol';

export interface ParseOptions {
  /** How many pages may crash, hang or outgrow their process before the document fails. */
  maxLostPages: number;
  /**
   * Characters of all chunks together. The other memory of the chunks counts as characters too: see `sizeOf`.
   * A file of a megabyte can hold a hundred times as much text.
   */
  maxCharacters: number;
  /** Called with each page when its reading begins. When the reading starts over, the first page comes again. */
  onPage?: ((step: PageStep) => void) | undefined;
  /** Called with every wanted page that ended its process, even when the document fails afterwards. */
  onLost?: (page: ParsedPage) => void;
  signal?: AbortSignal;
}

/**
 * Reads and chunks a document in one of the pool's processes, whose program must be parseProcess.ts. The result holds the
 * document's text once; this process holds nothing else of it.
 *
 * Where the reader can skip pages, a page that ends its process fails alone. The document is then read again without it,
 * from the beginning, so that the chunks are the same as if that page could never be read. What OCR found on other
 * pages is kept. Pages that are not wanted are not counted as lost: the time for the document bounds them.
 * @throws MillraceError with any code of a document, READER_LOST or INTERNAL; the signal's reason when it was aborted.
 */
export async function parseDocument(
  pool: ReaderPool,
  request: ParseRequest,
  options: ParseOptions,
): Promise<ParsedDocument> {
  const { canSkipPages } = readerOf(request.mimeType);
  const run: ParseRun = { ...request, lostPages: [], recognized: [], startedAt: Date.now() };
  const { timeoutMs } = pool.limits;
  const began = performance.now();
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = timeoutMs - (performance.now() - began)) {
    try {
      return await parseOnce(pool, run, leftMs, options);
    } catch (error) {
      if (hasOutgrown(error)) {
        // What earlier documents left in that process is no fault of this one. It goes on in another process.
        continue;
      }
      if (!(error instanceof PageError)) {
        throw error;
      }
      if (!canSkipPages) {
        throw error.ofDocument();
      }
      skipPage(run, error, options);
    }
  }
  throw documentTimeout();
}

/** One run over the document, until its end or the first page that ends the process. @throws PageError for that page */
async function parseOnce(
  pool: ReaderPool,
  run: ParseRun,
  timeoutMs: number,
  { maxCharacters, onPage, signal }: ParseOptions,
): Promise<ParsedDocument> {
  const pages: ParsedPage[] = [];
  const chunks: Chunk[] = [];
  let characters = 0;
  let page: number | null = null;
  const onMessage = (message: ParseMessage) => {
    characters += message.chunks.reduce((sum, chunk) => sum + sizeOf(chunk), 0);
    if (characters > maxCharacters) {
      throw new MillraceError('DOCUMENT_TOO_LARGE', tooMuchText(maxCharacters));
    }
    pages.push(...message.pages);
    chunks.push(...message.chunks);
    run.recognized.push(...message.recognized);
  };
  const onStep = (step: PageStep) => {
    page = step.page;
    onPage?.(step);
  };
  try {
    const end = await pool.run(run, { limits: { timeoutMs }, onMessage, onStep, signal });
    return { ...end, pages, chunks };
  } catch (error) {
    throw hasOutgrown(error) ? error : toReadingError(error, page);
  }
}

function hasOutgrown(error: unknown): boolean {
  return error instanceof TaskEndedError && error.end.reason === 'outgrown';
}

/** Keeps the page from being read again. @throws MillraceError DOCUMENT_UNREADABLE when too many pages are lost. */
function skipPage(run: ParseRun, { page, code }: PageError, { maxLostPages, onLost }: ParseOptions): void {
  const isWanted = (lost: LostPage) => run.pages?.includes(lost.page) ?? true;
  const lost: LostPage = { page, code };
  run.lostPages.push(lost);
  if (isWanted(lost)) {
    onLost?.(outcomeOfLost(lost));
  }
  const wanted = run.lostPages.filter(isWanted);
  if (wanted.length > maxLostPages) {
    throw new MillraceError('DOCUMENT_UNREADABLE', tooManyLost(wanted));
  }
}

function tooManyLost(lost: readonly LostPage[]): string {
  const pages = lost.map(({ page, code }) => `${page} (${code})`).join(', ');
  return `${lost.length} pages of the document crashed, hung or took too much memory: ${pages}.`;
}

/**
 * The memory of a chunk and of a box on their way into the database, in characters of two bytes. Measured: 800 bytes for a chunk
 * of a few words. Without it, a document of many tiny chunks would take ten times the memory of its text.
 */
const chunkCharacters = 400;
const boxCharacters = 60;

function sizeOf({ text, section, coordinates }: Chunk): number {
  return text.length + (section?.length ?? 0) + chunkCharacters + boxCharacters * coordinates.length;
}

function tooMuchText(maxCharacters: number): string {
  return (
    `The document holds more than ${maxCharacters} characters of text, ` +
    `each chunk counted as ${chunkCharacters} more and each box as ${boxCharacters}.`
  );
}

/** Returns the error of a document that was read to its end and has no text to search. */
export function whyNoText({ pages, repair }: ParsedDocument): MillraceError {
  // A PDF with only a rebuilt table still has its own trailer. So its encryption is known, and its blank pages are blank.
  if (repair !== null && repair !== 'XREF_REBUILT') {
    return new MillraceError(
      'PDF_CORRUPT',
      `The PDF is broken, and the ${pages.length} pages found in it hold no text.`,
    );
  }
  const failedPages = pages.filter((page) => page.outcome === 'failed').length;
  return failedPages > 0
    ? new MillraceError(
        'PAGE_FAILED',
        `${failedPages} of ${pages.length} pages cannot be read, and no other holds text.`,
      )
    : new MillraceError('DOCUMENT_NO_TEXT', `None of the ${pages.length} pages holds text.`);
}
