import { DocumentChunker, type DocumentPart } from '@millrace/chunking';
import { serveTasks, type TaskContext } from '@millrace/process-pool';
import type { ParseEnd, ParseMessage, ParseProtocol, ParseRun } from './parseProtocol';
import type { OpenDocument } from './readers/reader';
import { readerOf, readers } from './readers/readerTable';

/** Items gathered before a message is sent: some two hundred kilobytes of chunks. */
const messagePages = 64;
const messageChunks = 64;

type Context = TaskContext<ParseProtocol>;

/** The program of a reading process: reads and chunks one document after the other for `parseDocument`. */
serveTasks<ParseProtocol>(parse);
for (const reader of readers) {
  // The first task reports what keeps a reader from starting.
  reader.prepare?.().catch(() => undefined);
}

async function parse(run: ParseRun, { send, beginStep }: Context): Promise<ParseEnd> {
  const document = await readerOf(run.mimeType).open(run, beginStep);
  try {
    const pageCount = await sendPages(document, run, send);
    return { pageCount, ...document.summary() };
  } finally {
    await document.close();
  }
}

/** Sends the outcomes of all wanted pages, and their chunks. @returns the number of all pages */
async function sendPages(document: OpenDocument, run: ParseRun, send: Context['send']): Promise<number> {
  const wanted = run.pages === null ? null : new Set(run.pages);
  const { outline } = document;
  const chunker = new DocumentChunker({ ...run.reading, ...(outline !== undefined && { outline }), wanted });
  let message: ParseMessage = { pages: [], chunks: [], recognized: [] };
  let pageCount = 0;
  let openPart: DocumentPart | undefined;
  for await (const { outcome, text, recognized, part } of document.pages()) {
    pageCount++;
    if (wanted?.has(outcome.page) ?? true) {
      message.pages.push(outcome);
    }
    if (part !== undefined && part !== openPart) {
      message.chunks.push(...chunker.startPart(part));
      openPart = part;
    }
    if (text !== null) {
      message.chunks.push(...chunker.addPage(text));
    }
    if (recognized !== null) {
      message.recognized.push(recognized);
    }
    // What OCR found on a page is too expensive to be lost with the next page.
    if (recognized !== null || message.pages.length >= messagePages || message.chunks.length >= messageChunks) {
      await send(message);
      message = { pages: [], chunks: [], recognized: [] };
    }
  }
  message.chunks.push(...chunker.finish());
  await send(message);
  return pageCount;
}
