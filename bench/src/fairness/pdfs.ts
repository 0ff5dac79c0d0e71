import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textPdf } from '@millrace/test-support';
import { Prose } from '../prose';

export const bookPages = 5_000;
/** A page of letter size at 11 points is nearly full of them. */
const wordsPerPage = 450;

/** Writes PDFs of running text, no two alike, into a folder. */
export class PdfMaker {
  private seed = 100;

  constructor(private readonly folder: string) {}

  /** A book of 5,000 pages. @returns its path. */
  book(): Promise<string> {
    return this.write('book', bookPages);
  }

  /** A PDF of two pages. @returns its path. */
  small(): Promise<string> {
    return this.write('small', 2);
  }

  private async write(name: string, pages: number): Promise<string> {
    this.seed += 1;
    const prose = new Prose(this.seed);
    const bytes = await textPdf(Array.from({ length: pages }, () => prose.passage(wordsPerPage)));
    await mkdir(this.folder, { recursive: true });
    const path = join(this.folder, `${name}-${this.seed}.pdf`);
    await writeFile(path, bytes);
    return path;
  }
}
