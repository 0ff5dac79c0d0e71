import { DocumentChunker } from '@millrace/chunking';
import { MillraceError } from '@millrace/contracts';
import type { TaskContext } from '@millrace/pdf';
import { charsetOf, readTextPages, type TextPage, type TextType } from '@millrace/text';
import type { ParsedPage, ParseEnd, ParseMessage, ParseRequest } from './parseProtocol';

/** Items gathered before a message is sent. */
const messageItems = 64;

/**
 * Reads and chunks a text, page by page. What is announced as a page is the chunking of it and the reading of the next; the
 * first is read while the text is opened. No page of a text fails alone, so all of them are wanted.
 */
export async function parseText(request: ParseRequest, type: TextType, context: TaskContext): Promise<ParseEnd> {
  const { path, mimeType, reading } = request;
  const chunker = new DocumentChunker(reading);
  const pages = readTextPages(path, type, charsetOf(mimeType));
  try {
    return await sendAll(pages, chunker, request.maxPages, context);
  } finally {
    // A page too many, or a message that cannot be sent, must not leave the file open.
    pages.return(null);
  }
}

async function sendAll(
  pages: Generator<TextPage, string | null>,
  chunker: DocumentChunker,
  maxPages: number,
  context: TaskContext,
): Promise<ParseEnd> {
  let message: ParseMessage = { pages: [], chunks: [], recognized: [] };
  let pageCount = 0;
  let next = pages.next();
  for (; next.done !== true; next = pages.next()) {
    pageCount++;
    if (pageCount > maxPages) {
      throw new MillraceError('DOCUMENT_TOO_MANY_PAGES', `The text has more than ${maxPages} pages.`, {
        extra: { limit: maxPages },
      });
    }
    await context.atPage({ page: pageCount, pages: null, ocr: false });
    message.pages.push(outcomeOf(next.value));
    message.chunks.push(...chunker.addPage(next.value));
    if (message.pages.length + message.chunks.length >= messageItems) {
      await context.send(message);
      message = { pages: [], chunks: [], recognized: [] };
    }
  }
  message.chunks.push(...chunker.finish());
  await context.send(message);
  return { pageCount, title: next.value, repair: null };
}

function outcomeOf({ page, lines }: TextPage): ParsedPage {
  const characters = lines.reduce((sum, line) => sum + line.text.replace(/\s+/gu, '').length, 0);
  const outcome = characters === 0 ? 'empty' : 'text';
  return { page, label: null, width: 0, height: 0, outcome, characters, errorCode: null };
}
