import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openPdf } from '@millrace/pdf';
import { contentPdf, testReading } from '@millrace/test-support';
import { PdfPageReader } from '../src/readers/pdfPageReader';

test('When a page has ended an earlier run, then the engine is asked nothing about it, not even its label', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-page-'));
  try {
    const path = join(folder, 'labelled.pdf');
    await writeFile(path, contentPdf('', { catalog: '/PageLabels << /Nums [0 << /P (A-) /S /D >>] >>' }));
    const file = await openPdf(path);
    const labelWith = async (lostPages: { page: number; code: 'PAGE_TIMEOUT' }[]) => {
      const ocr = { languages: [], maxPages: 0, pageTimeoutMs: 1000, totalMs: 0 };
      const run = {
        path,
        mimeType: 'application/pdf',
        maxPages: 1,
        pages: null,
        reading: testReading,
        ocr,
        lostPages,
        recognized: [],
        startedAt: Date.now(),
      };
      const reader = new PdfPageReader(file, run, async () => undefined);
      const { outcome } = await reader.read(1);
      await reader.close();
      return outcome.label;
    };
    expect(await labelWith([])).toBe('A-1');
    expect(await labelWith([{ page: 1, code: 'PAGE_TIMEOUT' }])).toBeNull();
    file.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});
