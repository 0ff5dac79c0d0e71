import { isCutOff, loadPdfium, openPdf, type PdfFile } from '@millrace/pdf';
import type { ParseRun } from '../parseProtocol';
import { AttachedFiles } from './attachedFiles';
import { blankIsLost } from './cutOffPages';
import { PdfPageReader } from './pdfPageReader';
import type { BeginPage, OpenDocument, Reader, ReadPage } from './reader';

/** Reads PDFs: their text layer, and by OCR the images of pages without one. */
export const pdfReader: Reader = {
  mediaTypes: ['application/pdf'],
  canSkipPages: true,
  prepare: loadPdfium,
  async open(run, beginPage) {
    const file = await openPdf(run.path, { maxPages: run.maxPages, rewrite: run.rewrite });
    return new PdfDocument(file, run, beginPage);
  },
};

class PdfDocument implements OpenDocument {
  private readonly reader: PdfPageReader;
  private readonly attached: AttachedFiles;

  constructor(
    private readonly file: PdfFile,
    private readonly run: ParseRun,
    beginPage: BeginPage,
  ) {
    const recognized = new Set(run.recognized.map(({ page }) => page));
    const begin: BeginPage = (step, limitMs) => {
      if (step.ocr) {
        recognized.add(step.page);
      }
      return beginPage(step, limitMs);
    };
    const recognizedUpTo = (last: number) => [...recognized].filter((page) => page <= last).length;
    this.reader = new PdfPageReader(file, run, begin);
    this.attached = new AttachedFiles(run, begin, file.info.pageCount, recognizedUpTo);
  }

  get outline() {
    return this.file.info.outline;
  }

  async *pages(): AsyncGenerator<ReadPage> {
    const { pageCount, repair } = this.file.info;
    const wanted = this.run.pages === null ? null : new Set(this.run.pages);
    const cutOff = repair !== null && isCutOff(this.run.path);
    for (let page = 1; page <= pageCount; page++) {
      // A page that only tells about the wanted ones is not worth OCR.
      const textLayerOnly = wanted !== null && !wanted.has(page);
      const read = await this.reader.read(page, { textLayerOnly });
      yield cutOff ? blankIsLost(read) : read;
    }
    yield* this.attached.readOf(this.file);
  }

  summary() {
    const { title, repair } = this.file.info;
    return { title, repair, ignoredFiles: this.attached.ignored };
  }

  async close(): Promise<void> {
    await this.reader.close();
    this.file.close();
  }
}
