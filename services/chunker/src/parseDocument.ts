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
  return { pageCount: end.pageCount, title: end.title, ...parsed };
}
