import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPdf, type PdfFile } from '../src';

/** A temporary folder for the PDFs of one test file. */
export class TemporaryFolder {
  private folder = '';
  private count = 0;

  async make(): Promise<void> {
    this.folder = await mkdtemp(join(tmpdir(), 'millrace-pdf-'));
  }

  async write(bytes: Buffer): Promise<string> {
    this.count++;
    const path = join(this.folder, `${this.count}.pdf`);
    await writeFile(path, bytes);
    return path;
  }

  /** Opens the PDF, calls `use` with it and closes it. */
  async open<T>(bytes: Buffer, use: (file: PdfFile) => T, options: Parameters<typeof openPdf>[1] = {}): Promise<T> {
    const file = await openPdf(await this.write(bytes), options);
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
