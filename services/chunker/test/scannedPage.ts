import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPdf } from '@millrace/pdf';
import { type GrayPixels, textPdf } from '@millrace/test-support';

/** Draws a page of text as a scanner would. @param options of pdfkit: the page is a letter page unless they say otherwise. */
export async function scanned(text: string, options: Parameters<typeof textPdf>[1] = {}): Promise<GrayPixels> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-scan-'));
  const path = join(folder, 'page.pdf');
  await writeFile(path, await textPdf([text], options));
  const file = await openPdf(path);
  try {
    const image = file.renderPage?.(1, { dpi: 200, maxPixels: 10_000_000 });
    if (image === undefined) {
      throw new Error('The engine cannot draw.');
    }
    return image;
  } finally {
    file.close();
    await rm(folder, { recursive: true });
  }
}
