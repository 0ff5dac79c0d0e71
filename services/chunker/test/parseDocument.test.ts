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
  ocr: { languages: [], maxPages: 0, pageTimeoutMs: 1000, totalMs: 0 },
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
  return parseDocument(pool, { path, ...limits, ...more }, { maxLostPages: 0, maxCharacters: 1_000_000 });
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

  test('and it holds more text than is taken, then the error is named, and the next one is read', async () => {
    const path = join(folder, 'long.pdf');
    await writeFile(path, await textPdf(Array(30).fill('All work and no play makes a dull mill. '.repeat(20))));
    const parseUpTo = (maxCharacters: number) =>
      parseDocument(pool, { path, ...limits }, { maxLostPages: 0, maxCharacters });
    await expect(parseUpTo(10_000)).rejects.toMatchObject({ code: 'TEXT_TOO_LARGE' });
    expect((await parseUpTo(100_000)).pageCount).toBe(30);
  });

  test('and it makes very many tiny chunks, then these count as well', async () => {
    const path = join(folder, 'tiny.pdf');
    await writeFile(path, await textPdf(Array(30).fill('Tiny.')));
    const byPage = { ...limits, path, reading: { ...testReading, strategy: 'page' as const } };
    const parseUpTo = (maxCharacters: number) => parseDocument(pool, byPage, { maxLostPages: 0, maxCharacters });
    // 30 chunks with a box each.
    await expect(parseUpTo(30 * 465 - 1)).rejects.toMatchObject({ code: 'TEXT_TOO_LARGE' });
    expect((await parseUpTo(30 * 465)).chunks).toHaveLength(30);
  });

  test('and it is broken, locked or too long, then the error is named', async () => {
    await expect(parse(brokenPdf())).rejects.toMatchObject({ code: 'PDF_CORRUPT' });
    await expect(parse(await encryptedPdf())).rejects.toMatchObject({ code: 'PDF_ENCRYPTED' });
    await expect(parse(await blankPdf(4), { maxPages: 3 })).rejects.toMatchObject({ code: 'PDF_TOO_MANY_PAGES' });
  });
});

describe('When a text is parsed in the same process', () => {
  async function parseText(content: string | Buffer, mimeType: string, more: Partial<typeof limits> = {}) {
    const path = join(folder, `${Math.random()}`);
    await writeFile(path, content);
    return parseDocument(pool, { path, mimeType, ...limits, ...more }, { maxLostPages: 0, maxCharacters: 1_000_000 });
  }

  test('then title, pages and chunks come back, with sections and without boxes', async () => {
    const content = `# Mills\n\n${'The mill turns. '.repeat(300)}\n\n## Wheels\n\n${'The wheel turns. '.repeat(300)}`;
    const parsed = await parseText(content, 'text/markdown');
    expect(parsed).toMatchObject({ pageCount: 4, title: 'Mills', repair: null });
    expect(parsed.pages[1]).toMatchObject({ page: 2, width: 0, height: 0, outcome: 'text', error_code: null });
    expect(parsed.chunks.at(0)).toMatchObject({ pageStart: 1, section: 'Mills', coordinates: [] });
    expect(parsed.chunks.at(-1)).toMatchObject({ pageEnd: 4, section: 'Mills > Wheels', coordinates: [] });
    expect(await parseText(content, 'text/markdown')).toEqual(parsed);
  });

  test('and its type names a charset, then it is read in that', async () => {
    const mill = Buffer.from([0xec, 0xeb, 0xe8, 0xed]);
    const textIn = async (mimeType: string) => (await parseText(mill, mimeType)).chunks.map(({ text }) => text);
    expect(await textIn('text/plain; charset=windows-1251')).toEqual(['млин']);
    expect(await textIn('text/html; charset=windows-1251')).toEqual(['млин']);
    expect(await textIn('text/plain')).toEqual(['ìëèí']);
  });

  test('and it has hundreds of pages, then all of them come in order', async () => {
    const parsed = await parseText(Array.from({ length: 500 }, (_, page) => `Page ${page}.`).join('\f'), 'text/plain');
    expect(parsed.pages.map(({ page }) => page)).toEqual(parsed.pages.map((_, index) => index + 1));
    expect(parsed.pages).toHaveLength(500);
  });

  test('and it is no text, or too long, then the error is named and a PDF after it is read', async () => {
    await expect(parseText(Buffer.from('a\0b'), 'text/plain')).rejects.toMatchObject({ code: 'TEXT_UNREADABLE' });
    const long = parseText('page\f'.repeat(5), 'text/html', { maxPages: 3 });
    await expect(long).resolves.toMatchObject({ pageCount: 1 });
    await expect(parseText('page\f'.repeat(5), 'text/plain', { maxPages: 3 })).rejects.toMatchObject({
      code: 'PDF_TOO_MANY_PAGES',
    });
    expect((await parse(await textPdf(['After all.']))).chunks).toMatchObject([{ text: 'After all.' }]);
  });
});
