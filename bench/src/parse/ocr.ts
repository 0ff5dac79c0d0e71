import { basename } from 'node:path';
import { openPdf, Recognizer } from '@millrace/pdf';
import { wordBagF1, wordsOf } from './agreement';

export interface OcrPage {
  file: string;
  page: number;
  /** Processor time of drawing and recognizing it, all threads. */
  cpuSeconds: number;
  seconds: number;
  /** Beside the page's own text layer. */
  f1: number;
}

/** As the chunker draws a page for OCR. */
const image = { dpi: 200, maxPixels: 16_000_000 };
/** A page is dense from so many characters on. */
const denseCharacters = 2_500;
const timeoutMs = 120_000;

/** Reads the first dense pages of each of the files as if they were images. The engine's start does not count. */
export async function ocr(files: readonly string[], pagesOfEach: number): Promise<OcrPage[]> {
  const recognizer = new Recognizer(timeoutMs, ['eng']);
  const measured: OcrPage[] = [];
  try {
    for (const path of files) {
      const file = await openPdf(path);
      try {
        const draw = (page: number) => {
          const drawn = file.renderPage?.(page, image);
          if (drawn === undefined) {
            throw new Error('The PDF engine cannot draw pages.');
          }
          return drawn;
        };
        await recognizer.recognize(draw(1));
        let taken = 0;
        for (let page = 1; page <= file.info.pageCount && taken < pagesOfEach; page++) {
          const { text } = file.readPage(page);
          if (text.length < denseCharacters) {
            continue;
          }
          taken++;
          const started = performance.now();
          const before = process.cpuUsage();
          const lines = await recognizer.recognize(draw(page));
          const { user, system } = process.cpuUsage(before);
          const seconds = (performance.now() - started) / 1000;
          const f1 = wordBagF1(wordsOf(lines.map((line) => line.text).join('\n')), wordsOf(text)) ?? 1;
          measured.push({ file: basename(path), page, cpuSeconds: (user + system) / 1e6, seconds, f1 });
        }
      } finally {
        file.close();
      }
    }
  } finally {
    await recognizer.close();
  }
  return measured;
}
