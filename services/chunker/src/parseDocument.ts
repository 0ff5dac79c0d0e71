import { MillraceError } from '@millrace/contracts';
import type { ParserPool } from '@millrace/pdf';
import type { ParsedDocument, ParseEnd, ParseMessage, ParseRequest } from './parseProtocol';

export type { ParsedDocument, ParsedPage, ParseRequest } from './parseProtocol';

/**
 * Reads and chunks a PDF in one of the pool's processes, whose entry must be this folder's `parseProcess`. The result
 * holds the document's text once, and nothing else of it is held in this process.
 * @throws MillraceError PDF_CORRUPT, PDF_ENCRYPTED, PDF_TOO_MANY_PAGES, PDF_TIMEOUT, PDF_UNREADABLE, PARSER_LOST or
 * INTERNAL; the signal's reason when it was aborted.
 */
export async function parseDocument(
  pool: ParserPool,
  request: ParseRequest,
  signal?: AbortSignal,
): Promise<ParsedDocument> {
  const parsed: Pick<ParsedDocument, 'pages' | 'chunks'> = { pages: [], chunks: [] };
  const onMessage = (message: unknown) => {
    const { pages, chunks } = message as ParseMessage;
    parsed.pages.push(...pages);
    parsed.chunks.push(...chunks);
  };
  const end = (await pool.run(request, signal === undefined ? { onMessage } : { onMessage, signal })) as ParseEnd;
  return { ...end, ...parsed };
}

/** Why a document that was read to its end has no text to search. */
export function whyNothing({ pages, repair }: ParsedDocument): MillraceError {
  if (repair !== null) {
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
    : new MillraceError('PDF_NO_TEXT', `None of the ${pages.length} pages holds text`);
}
