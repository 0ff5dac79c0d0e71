import { DocumentChunker } from '@millrace/chunking';
import { isCutOff, loadPdfium, openPdf, type PdfFile, serveTasks, type TaskContext } from '@millrace/pdf';
import { textTypeOf } from '@millrace/text';
import { PageReader } from './pageReader';
import type { ParsedPage, ParseEnd, ParseMessage, ParseRun } from './parseProtocol';
import { parseText } from './parseText';

/** Items gathered before a message is sent: some two hundred kilobytes of chunks. */
const messagePages = 64;
const messageChunks = 64;

/** The program of a parser process: reads and chunks one document after the other for `parseDocument`. */
serveTasks((request, context) => parse(request as ParseRun, context));
// The engine is compiled while there is no work yet. What keeps it from starting is told by the first task it fails.
loadPdfium().catch(() => undefined);

async function parse(request: ParseRun, context: TaskContext): Promise<ParseEnd> {
  const type = textTypeOf(request.mimeType);
  return type === null ? parsePdf(request, context) : parseText(request, type, context);
}

async function parsePdf(request: ParseRun, context: TaskContext): Promise<ParseEnd> {
  const { path, maxPages, rewrite } = request;
  const file = await openPdf(path, { maxPages, rewrite });
  try {
    const { pageCount, title, repair } = file.info;
    await sendPages(file, request, context);
    return { pageCount, title, repair };
  } finally {
    file.close();
  }
}

async function sendPages(file: PdfFile, run: ParseRun, context: TaskContext): Promise<void> {
  const { pageCount, outline, repair } = file.info;
  const wanted = run.pages === null ? null : new Set(run.pages);
  const cutOff = repair !== null && isCutOff(run.path);
  const reader = new PageReader(file, run, context);
  const chunker = new DocumentChunker({ ...run.reading, outline, wanted });
  let message: ParseMessage = { pages: [], chunks: [], recognized: [] };
  try {
    for (let page = 1; page <= pageCount; page++) {
      const isWanted = wanted?.has(page) ?? true;
      const { outcome, text, recognized } = await reader.read(page, { textLayerOnly: !isWanted });
      message.pages.push(...(isWanted ? [cutOff ? blankIsLost(outcome) : outcome] : []));
      message.chunks.push(...(text === null ? [] : chunker.addPage(text)));
      message.recognized.push(...(recognized === null ? [] : [recognized]));
      // What OCR made of a page is too dear to be lost with the next one.
      if (recognized !== null || message.pages.length >= messagePages || message.chunks.length >= messageChunks) {
        await context.send(message);
        message = { pages: [], chunks: [], recognized: [] };
      }
    }
    message.chunks.push(...chunker.finish());
  } finally {
    await reader.close();
  }
  await context.send(message);
}

/** Of a file that was cut off, a page without anything on it may be one whose content stood in the part that is lost. */
function blankIsLost(outcome: ParsedPage): ParsedPage {
  return outcome.outcome === 'empty' ? { ...outcome, outcome: 'failed', errorCode: 'PAGE_CUT_OFF' } : outcome;
}
