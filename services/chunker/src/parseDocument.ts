import { type Chunk, MillraceError } from '@millrace/contracts';
import type { PageStep, ParserPool } from '@millrace/pdf';
import { textTypeOf } from '@millrace/text';
import {
  type LostPage,
  outcomeOfLost,
  type ParsedDocument,
  type ParsedPage,
  type ParseEnd,
  type ParseMessage,
  type ParseRequest,
  type ParseRun,
} from './parseProtocol';

export type { ParsedDocument, ParsedPage, ParseRequest } from './parseProtocol';

export interface ParseOptions {
  /** How many pages may crash, hang or outgrow their process before the document is given up. */
  maxLostPages: number;
  /**
   * Characters of all chunks together, with what else this process holds of them counted as characters: see `sizeOf`. A file
   * of a megabyte can hold a hundred times as much text.
   */
  maxCharacters: number;
  /** Is told at which page the reading is; when it starts over, from the first page again. */
  onPage?: (step: PageStep) => void;
  /** Is told of every wanted page that ended its process, also where the document is given up in the end. */
  onLost?: (page: ParsedPage) => void;
  signal?: AbortSignal;
}

/**
 * Reads and chunks a document in one of the pool's processes, whose entry must be this folder's `parseProcess`. The result
 * holds the document's text once, and nothing else of it is held in this process.
 *
 * A page that ends its process is marked as failed, and the document is read again without it: from the beginning, so
 * that its chunks are those of a document whose page cannot be read, whatever had been sent before. What OCR had made of
 * the other pages is kept. Pages that are not wanted count for nothing there: the time for the document bounds them. A text
 * ends with its first such page.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED, PDF_ENCRYPTION_UNSUPPORTED, DOCUMENT_TOO_MANY_PAGES, DOCUMENT_TIMEOUT,
 * DOCUMENT_OPEN_TIMEOUT, PDF_REPAIR_TIMEOUT, DOCUMENT_UNREADABLE (also when too many pages end their process), TEXT_UNREADABLE,
 * DOCUMENT_TOO_LARGE, READER_LOST or INTERNAL; the signal's reason when it was aborted.
 */
export async function parseDocument(
  pool: ParserPool,
  request: ParseRequest,
  { maxLostPages, maxCharacters, onPage, onLost, signal }: ParseOptions,
): Promise<ParsedDocument> {
  const run: ParseRun = { ...request, lostPages: [], recognized: [], startedAt: Date.now() };
  const isText = textTypeOf(request.mimeType) !== null;
  let parsed: Pick<ParsedDocument, 'pages' | 'chunks'> = { pages: [], chunks: [] };
  let characters = 0;
  const onMessage = (message: unknown) => {
    const { pages, chunks, recognized } = message as ParseMessage;
    characters += chunks.reduce((sum, chunk) => sum + sizeOf(chunk), 0);
    if (characters > maxCharacters) {
      throw new MillraceError('DOCUMENT_TOO_LARGE', tooMuchText(maxCharacters));
    }
    parsed.pages.push(...pages);
    parsed.chunks.push(...chunks);
    run.recognized.push(...recognized);
  };
  const isWanted = ({ page }: LostPage) => request.pages?.includes(page) ?? true;
  const withoutPage = (error: MillraceError) => {
    if (isText) {
      // Its pages come one out of the other: there is no reading it without one of them.
      throw new MillraceError(
        error.code === 'PAGE_TIMEOUT' ? 'DOCUMENT_TIMEOUT' : 'DOCUMENT_UNREADABLE',
        error.message,
      );
    }
    parsed = { pages: [], chunks: [] };
    characters = 0;
    const page: LostPage = { page: Number(error.extra.page), code: error.code };
    run.lostPages.push(page);
    if (isWanted(page)) {
      onLost?.(outcomeOfLost(page));
    }
    const lost = run.lostPages.filter(isWanted);
    if (lost.length > maxLostPages) {
      throw new MillraceError('DOCUMENT_UNREADABLE', tooManyLost(lost));
    }
    return run;
  };
  const end = (await pool.run(run, {
    onMessage,
    withoutPage,
    ...(onPage === undefined ? {} : { onPage }),
    ...(signal === undefined ? {} : { signal }),
  })) as ParseEnd;
  return { ...end, ...parsed };
}

/**
 * What a chunk and a box take on their way into the database, in characters of two bytes. Measured: 800 bytes for a chunk
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

/** Why a document that was read to its end has no text to search. */
export function whyNothing({ pages, repair }: ParsedDocument): MillraceError {
  // With its own trailer a document's encryption is known, and blank pages are blank.
  if (repair !== null && repair !== 'XREF_REBUILT') {
    return new MillraceError(
      'PDF_CORRUPT',
      `The PDF is broken, and no text is left on the ${pages.length} pages that could be found in it`,
    );
  }
  const failedPages = pages.filter((page) => page.outcome === 'failed').length;
  return failedPages > 0
    ? new MillraceError(
        'PAGE_FAILED',
        `${failedPages} of ${pages.length} pages cannot be read, and no other holds text`,
      )
    : new MillraceError('DOCUMENT_NO_TEXT', `None of the ${pages.length} pages holds text`);
}

function tooManyLost(lost: readonly LostPage[]): string {
  const pages = lost.map(({ page, code }) => `${page} (${code})`).join(', ');
  return `The document was given up after ${lost.length} of its pages had crashed, hung or taken too much memory: ${pages}.`;
}
