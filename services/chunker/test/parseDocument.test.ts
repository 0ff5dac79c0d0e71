import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadingOptions } from '@millrace/contracts';
import { ParserPool } from '@millrace/pdf';
import {
  blankPdf,
  brokenPdf,
  drawnPdf,
  encryptedPdf,
  missingPagePdf,
  testReading,
  textPdf,
} from '@millrace/test-support';
import { parseDocument } from '../src/parseDocument';

const limits = {
  maxPages: 1000,
  pages: null as number[] | null,
  reading: testReading,
  ocr: { maxPages: 0, pageTimeoutMs: 1000 },
};
let folder: string;
let pool: ParserPool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-parse-'));
  pool = new ParserPool({
    entry: join(__dirname, '../src/parseProcess.ts'),
    processes: 2,
    timeoutMs: 30_000,
    execArgv: ['-r', join(__dirname, '../../../tests/support/register.cjs')],
  });
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

async function parse(bytes: Buffer, more: Partial<typeof limits> = {}) {
  const path = join(folder, `${Math.random()}.pdf`);
  await writeFile(path, bytes);
  return parseDocument(pool, { path, ...limits, ...more }, { maxLostPages: 0 });
}

describe('When a document is parsed in its own process', () => {
  test('then title, page outcomes and chunks come back, in order and complete', async () => {
    const texts = Array.from({ length: 150 }, (_, index) => `Page ${index + 1}. ${'The mill turns. '.repeat(60)}`);
    const parsed = await parse(await textPdf(texts, { info: { Title: 'Mills' } }));
    expect(parsed).toMatchObject({ pageCount: 150, title: 'Mills' });
    expect(parsed.pages.map(({ page }) => page)).toEqual(texts.map((_, index) => index + 1));
    expect(parsed.pages[0]).toMatchObject({ width: 612, height: 792, outcome: 'text', error_code: null });
    expect(parsed.chunks.map(({ index }) => index)).toEqual(parsed.chunks.map((_, index) => index));
    const all = parsed.chunks.map(({ text }) => text).join('\n');
    expect(texts.every((_, index) => all.includes(`Page ${index + 1}.`))).toBe(true);
  });

  test('and chunks are to be pages, then each page is one', async () => {
    const reading: ReadingOptions = { ...testReading, strategy: 'page' };
    const parsed = await parse(await textPdf(['The mill turns.', 'The river flows.', 'The wind blows.']), { reading });
    expect(parsed.chunks).toMatchObject([
      { text: 'The mill turns.', pageStart: 1, pageEnd: 1 },
      { text: 'The river flows.', pageStart: 2, pageEnd: 2 },
      { text: 'The wind blows.', pageStart: 3, pageEnd: 3 },
    ]);
  });

  test('and its pages are blank, then each is told to be empty and there are no chunks', async () => {
    const parsed = await parse(await blankPdf(3));
    expect(parsed.pages.map(({ outcome }) => outcome)).toEqual(['empty', 'empty', 'empty']);
    expect(parsed.chunks).toEqual([]);
  });

  test('and one page cannot be read, then that page says so and the others are chunked', async () => {
    const parsed = await parse(missingPagePdf());
    expect(parsed.pages).toMatchObject([
      { page: 1, outcome: 'text', error_code: null },
      { page: 2, outcome: 'failed', characters: 0, error_code: 'PAGE_FAILED' },
    ]);
    expect(parsed.chunks).toMatchObject([{ text: 'The first page is here.' }]);
  });

  test('and only some pages are wanted, then no chunk goes on over those left out, and each knows its section', async () => {
    const pdf = await drawnPdf((document) => {
      for (const page of [1, 2, 3, 4, 5, 6]) {
        document.addPage().fontSize(11).text(`Words of page ${page} that go on`);
        if (page % 3 === 1) {
          document.outline.addItem(`Part ${page}`);
        }
      }
    });
    const parsed = await parse(pdf, { pages: [2, 3, 6] });
    expect(parsed.pages.map(({ page, outcome }) => [page, outcome])).toEqual([
      [2, 'text'],
      [3, 'text'],
      [6, 'text'],
    ]);
    expect(parsed.chunks.map(({ pageStart, pageEnd, section }) => [pageStart, pageEnd, section])).toEqual([
      [2, 3, 'Part 1'],
      [6, 6, 'Part 4'],
    ]);
  });

  test('and it is broken, locked or too long, then the error is named', async () => {
    await expect(parse(brokenPdf())).rejects.toMatchObject({ code: 'PDF_CORRUPT' });
    await expect(parse(await encryptedPdf())).rejects.toMatchObject({ code: 'PDF_ENCRYPTED' });
    await expect(parse(await blankPdf(4), { maxPages: 3 })).rejects.toMatchObject({ code: 'PDF_TOO_MANY_PAGES' });
  });
});
