import { openPdf, Recognizer } from '@millrace/pdf';
import { wordBagF1, wordsOf } from './agreement';

export interface OcrPage {
  seconds: number;
  /** Processor time of drawing and recognizing the page, in all threads. */
  cpuSeconds: number;
  /** The agreement with the page's own text layer. */
  f1: number;
}

/** How the chunker draws a page for OCR. */
const image = { dpi: 200, maxPixels: 16_000_000 };
/** A page with at least this many characters is dense. */
const denseCharacters = 2_500;
const timeoutMs = 120_000;

/** Recognizes the first dense pages of each file as if they were images. The start of the engine does not count. */
export async function ocr(files: readonly string[], pagesOfEach: number): Promise<OcrPage[]> {
  const recognizer = new Recognizer(timeoutMs, ['eng']);
  const measured: OcrPage[] = [];
  try {
    for (const path of files) {
      measured.push(...(await recognizeDensePages(recognizer, path, pagesOfEach)));
    }
  } finally {
    await recognizer.close();
  }
  return measured;
}

async function recognizeDensePages(recognizer: Recognizer, path: string, wanted: number): Promise<OcrPage[]> {
  const file = await openPdf(path);
  try {
    const recognize = (page: number) => {
      const drawn = file.renderPage?.(page, image);
      if (drawn === undefined) {
        throw new Error('The PDF engine cannot draw pages.');
      }
      return recognizer.recognize(drawn);
    };
    // The first page starts the engine.
    await recognize(1);
    const measured: OcrPage[] = [];
    for (let page = 1; page <= file.info.pageCount && measured.length < wanted; page += 1) {
      const { text } = file.readPage(page);
      if (text.length >= denseCharacters) {
        const started = performance.now();
        const before = process.cpuUsage();
        const { lines } = await recognize(page);
        const { user, system } = process.cpuUsage(before);
        const f1 = wordBagF1(wordsOf(lines.map((line) => line.text).join('\n')), wordsOf(text)) ?? 1;
        measured.push({ seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6, f1 });
      }
    }
    return measured;
  } finally {
    file.close();
  }
}
