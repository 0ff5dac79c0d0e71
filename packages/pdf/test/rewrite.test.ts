import { readFileSync } from 'node:fs';
import { brokenPdf, compressedPdf, endlessPdf, insatiablePdf } from '@millrace/test-support';
import { openPdf } from '../src';
import { rewritePdf } from '../src/repair/rewrite';
import { TemporaryFolder } from './temporary';

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

const limits = { maxFileBytes: 1_000_000, timeoutMs: 150_000, maxRssBytes: 512 * 2 ** 20 };
const children = () => readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim();

describe('When a PDF with its pages in compressed streams has lost its end', () => {
  const texts = ['First page.', 'Second page.'];
  const read = (bytes: Buffer) =>
    folder.open(bytes, (file) => ({
      repair: file.info.repair,
      pages: texts.map((_, index) => file.readPage(index + 1).text),
    }));

  test('then they are read from a rewritten file', async () => {
    expect(await read(compressedPdf(texts))).toEqual({ repair: null, pages: texts });
    const cutOff = compressedPdf(texts, { cutOff: true });
    expect(await read(cutOff)).toEqual({ repair: 'REWRITTEN', pages: texts });
    expect(await read(cutOff)).toEqual({ repair: 'REWRITTEN', pages: texts });
  });

  test('and has more pages than the limit, then it is refused', async () => {
    const path = await folder.write(compressedPdf(texts, { cutOff: true }));
    await expect(openPdf(path, { maxPages: 1 })).rejects.toMatchObject({ code: 'DOCUMENT_TOO_MANY_PAGES' });
  });

  describe('and also has pages outside of these streams', () => {
    /** Adds pages that no list names. They are blank. */
    const withPlainPages = (compressed: string[], plain: number) =>
      Buffer.concat([
        compressedPdf(compressed, { cutOff: true }),
        ...Array.from({ length: plain }, (_, index) =>
          Buffer.from(`${50 + index} 0 obj\n<< /Type /Page /MediaBox [0 0 612 792] >>\nendobj\n`),
        ),
      ]);
    const found = (bytes: Buffer, options = {}) =>
      folder.open(bytes, ({ info }) => [info.repair, info.pageCount], options);

    test('then it is read in the way that reaches more pages', async () => {
      expect(await found(withPlainPages(texts, 1))).toEqual(['REWRITTEN', 2]);
      expect(await found(withPlainPages(texts, 3))).toEqual(['PAGES_REBUILT', 3]);
    });

    test('and cannot be rewritten, then the pages outside are read', async () => {
      const bytes = Buffer.concat([
        insatiablePdf(),
        Buffer.from('50 0 obj\n<< /Type /Page /MediaBox [0 0 612 792] >>\nendobj\n'),
      ]);
      // With less memory, that is found out sooner.
      const rewrite = { ...limits, maxRssBytes: 150 * 2 ** 20 };
      expect(await found(bytes, { rewrite })).toEqual(['PAGES_REBUILT', 1]);
    });
  });

  test('and is encrypted, then it is corrupt, because the key was in the lost part', async () => {
    const encrypted = Buffer.concat([
      compressedPdf(texts, { cutOff: true }),
      Buffer.from('9 0 obj\n<< /Encrypt 8 0 R >>'),
    ]);
    await expect(openPdf(await folder.write(encrypted))).rejects.toMatchObject({ code: 'PDF_CORRUPT' });
  });
});

describe('When a broken PDF cannot be rewritten', () => {
  const cutOff = () => compressedPdf(['A page.'], { cutOff: true });
  test.each([
    ['nothing is left of it', brokenPdf, limits, 'PDF_CORRUPT', 'beyond repair'],
    ['it is too large', cutOff, { ...limits, maxFileBytes: 2 ** 8 }, 'PDF_CORRUPT', 'too large to be rewritten'],
    ['it takes too long', endlessPdf, { ...limits, timeoutMs: 2_000 }, 'PDF_REPAIR_TIMEOUT', 'longer than 2000 ms'],
    [
      'it takes too much memory',
      insatiablePdf,
      { ...limits, maxRssBytes: 150 * 2 ** 20 },
      'PDF_CORRUPT',
      'cannot be rewritten',
    ],
  ])('because %s, then the error says so, and no process is left', async (_why, make, given, code, reason) => {
    const path = await folder.write(make());
    await expect(rewritePdf(path, given)).rejects.toMatchObject({ code, message: expect.stringContaining(reason) });
    expect(children()).toBe('');
  });
});
