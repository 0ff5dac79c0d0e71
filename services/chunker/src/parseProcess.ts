import { DocumentChunker } from '@millrace/chunking';
import { MillraceError } from '@millrace/contracts';
import { loadPdfium, openPdf, type PageText, type PdfFile, serveTasks, type TaskContext } from '@millrace/pdf';
import type { ParsedPage, ParseEnd, ParseMessage, ParseRequest } from './parseProtocol';

/** Items gathered before a message is sent: some two hundred kilobytes of chunks. */
const MESSAGE_PAGES = 64;
const MESSAGE_CHUNKS = 64;

/** The program of a parser process: reads and chunks one PDF after the other for `parseDocument`. */
serveTasks((request, context) => parse(request as ParseRequest, context));
// The engine is compiled while there is no work yet. What keeps it from starting is told by the first task it fails.
loadPdfium().catch(() => undefined);

async function parse(request: ParseRequest, context: TaskContext): Promise<ParseEnd> {
  const file = await openPdf(request.path);
  try {
    const { pageCount, title } = file.info;
    if (pageCount > request.maxPages) {
      throw new MillraceError(
        'PDF_TOO_MANY_PAGES',
        `The PDF has ${pageCount} pages; at most ${request.maxPages} are taken.`,
        { extra: { limit: request.maxPages } },
      );
    }
    await sendPages(file, request, context);
    return { pageCount, title };
  } finally {
    file.close();
  }
}

async function sendPages(file: PdfFile, request: ParseRequest, context: TaskContext): Promise<void> {
  const { pageCount, outline } = file.info;
  const chunker = new DocumentChunker({ ...request.reading, outline });
  let message: ParseMessage = { pages: [], chunks: [] };
  for (let page = 1; page <= pageCount; page++) {
    const { outcome, text } = readPage(file, page);
    message.pages.push(outcome);
    if (text !== null) {
      message.chunks.push(...chunker.addPage(text));
    }
    if (message.pages.length >= MESSAGE_PAGES || message.chunks.length >= MESSAGE_CHUNKS) {
      await context.send(message);
      message = { pages: [], chunks: [] };
    }
  }
  message.chunks.push(...chunker.finish());
  await context.send(message);
}

/** Reads one page. A page that cannot be read has an outcome, too; only a broken engine ends the document. */
function readPage(file: PdfFile, page: number): { outcome: ParsedPage; text: PageText | null } {
  try {
    const text = file.readPage(page);
    const characters = text.text.replace(/\s+/gu, '').length;
    const outcome = characters === 0 ? 'empty' : 'text';
    const { label, width, height } = text;
    return { outcome: { page, label, width, height, outcome, characters, error_code: null }, text };
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code !== 'PAGE_FAILED') {
      throw error;
    }
    const label = file.pageLabel(page);
    const size = file.pageSize(page);
    return { outcome: { page, label, ...size, outcome: 'failed', characters: 0, error_code: error.code }, text: null };
  }
}
