import type { PdfFile } from '@millrace/pdf';
import type { ParseRun } from '../parseProtocol';
import { PdfPageReader } from './pdfPageReader';
import type { BeginPage, ReadPage } from './reader';

/** The label of a page of a file within a document. */
export function labelOf(file: string, label: string | number): string {
  return `${file}: ${label}`;
}

/** Reads the pages of a PDF within a document. The document numbers them on from `offset`. */
export class OffsetReader {
  private readonly reader: PdfPageReader;
  private readonly options: OffsetOptions;

  constructor(file: PdfFile, options: OffsetOptions) {
    const { run, beginPage, offset } = options;
    const inFile = <T extends { page: number }>(pages: readonly T[]) =>
      pages.filter(({ page }) => page > offset).map((each) => ({ ...each, page: each.page - offset }));
    const own: ParseRun = { ...run, lostPages: inFile(run.lostPages), recognized: inFile(run.recognized) };
    this.options = options;
    this.reader = new PdfPageReader(file, own, (step, limitMs) =>
      beginPage({ ...step, page: step.page + offset, pages: null }, limitMs),
    );
  }

  /** @param page From 1, in the file. */
  async read(page: number): Promise<ReadPage> {
    const { run, offset, name } = this.options;
    const textLayerOnly = run.pages !== null && !run.pages.includes(page + offset);
    const { outcome, text, recognized } = await this.reader.read(page, { textLayerOnly });
    const moved = { page: page + offset };
    return {
      outcome: { ...outcome, ...moved, label: labelOf(name, outcome.label ?? page) },
      text: text === null ? null : { ...text, ...moved },
      recognized: recognized === null ? null : { ...recognized, ...moved },
    };
  }

  close(): Promise<void> {
    return this.reader.close();
  }
}

export interface OffsetOptions {
  run: ParseRun;
  beginPage: BeginPage;
  offset: number;
  name: string;
}
