import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReadingOptions } from '@millrace/contracts';
import {
  blankPdf,
  brokenPdf,
  drawnPdf,
  encryptedPdf,
  missingPagePdf,
  rawPdf,
  rawStream,
  testReading,
  textPdf,
} from '@millrace/test-support';
import { parseDocument, whyNoText } from '../src/parseDocument';
import type { ReaderPool } from '../src/parseProtocol';
import { readerPool } from './readerPool';

const limits = {
  mimeType: 'application/pdf',
  maxPages: 1000,
  pages: null as number[] | null,
  reading: testReading,
  ocr: { languages: [], maxPages: 0, pageTimeoutMs: 1000, totalMs: 0 },
};
let folder: string;
let pool: ReaderPool;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-parse-'));
  pool = readerPool({ processes: 2 });
});
afterAll(async () => {
  await pool?.close();
  await rm(folder, { recursive: true, force: true });
});

async function parse(bytes: Buffer, more: Partial<typeof limits> = {}) {
  const path = join(folder, `${Math.random()}.pdf`);
  await writeFile(path, bytes);
  return parseDocument(pool, { path, ...limits, ...more }, { maxLostPages: 0, maxCharacters: 1_000_000 });
}

describe('When a PDF is read in a process', () => {
  test('then title, page outcomes and chunks come back, in order and complete', async () => {
    const texts = Array.from({ length: 150 }, (_, index) => `Page ${index + 1}. ${'The mill turns. '.repeat(60)}`);
    const parsed = await parse(await textPdf(texts, { info: { Title: 'Mills' } }));
    expect(parsed).toMatchObject({ pageCount: 150, title: 'Mills' });
    expect(parsed.pages.map(({ page }) => page)).toEqual(texts.map((_, index) => index + 1));
    expect(parsed.pages[0]).toMatchObject({ width: 612, height: 792, outcome: 'text', errorCode: null });
    expect(parsed.chunks.map(({ index }) => index)).toEqual(parsed.chunks.map((_, index) => index));
    const all = parsed.chunks.map(({ text }) => text).join('\n');
    expect(texts.every((_, index) => all.includes(`Page ${index + 1}.`))).toBe(true);
  });

  test('and the strategy is page, then each page is a chunk', async () => {
    const reading: ReadingOptions = { ...testReading, strategy: 'page' };
    const parsed = await parse(await textPdf(['The mill turns.', 'The river flows.', 'The wind blows.']), { reading });
    expect(parsed.chunks).toMatchObject([
      { text: 'The mill turns.', pageStart: 1, pageEnd: 1 },
      { text: 'The river flows.', pageStart: 2, pageEnd: 2 },
      { text: 'The wind blows.', pageStart: 3, pageEnd: 3 },
    ]);
  });

  test('and it was cut off, then its blank pages fail; in a whole file with a wrong table they are empty', async () => {
    const page = (content: number) =>
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents ${content} 0 R /Resources << /Font << /F 5 0 R >> >> >>`;
    const whole = rawPdf([
      '<< /Type /Catalog /Pages 2 0 R >>',
      '<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>',
      page(6),
      page(7),
      '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
      rawStream('BT /F 12 Tf 20 100 Td (Still here.) Tj ET'),
      rawStream('BT /F 12 Tf 20 100 Td (Lost.) Tj ET'),
    ]);
    const cut = await parse(whole.subarray(0, whole.indexOf('7 0 obj')));
    expect(cut.pages).toMatchObject([
      { outcome: 'text', errorCode: null },
      { outcome: 'failed', errorCode: 'PAGE_CUT_OFF', width: 300 },
    ]);
    const text = whole
      .toString('latin1')
      .replace('(Lost.) Tj', ' '.repeat(10))
      .replace(/startxref\n\d+/, 'startxref\n7');
    const wrong = await parse(Buffer.from(text, 'latin1'));
    expect(wrong).toMatchObject({ repair: 'XREF_REBUILT', pages: [{ outcome: 'text' }, { outcome: 'empty' }] });
  });

  test('and its pages are blank, then each is empty and there are no chunks', async () => {
    const parsed = await parse(await blankPdf(3));
    expect(parsed.pages.map(({ outcome }) => outcome)).toEqual(['empty', 'empty', 'empty']);
    expect(parsed.chunks).toEqual([]);
  });

  test.each([
    ['and nothing is wrong with it', 'DOCUMENT_NO_TEXT', (whole: string) => whole],
    [
      'and only its table could not be used',
      'DOCUMENT_NO_TEXT',
      (whole: string) => whole.replace(/startxref\n\d+/, 'startxref\n7'),
    ],
    ['and its end was lost', 'PDF_CORRUPT', (whole: string) => whole.slice(0, whole.lastIndexOf('trailer'))],
  ])('%s and its pages are blank, then the reason is %s', async (_how, code, change) => {
    const whole = (await blankPdf(2)).toString('latin1');
    expect(whyNoText(await parse(Buffer.from(change(whole), 'latin1'))).code).toBe(code);
  });

  test('and one page cannot be read, then it fails and the others are chunked', async () => {
    const parsed = await parse(missingPagePdf());
    expect(parsed.pages).toMatchObject([
      { page: 1, outcome: 'text', errorCode: null },
      { page: 2, outcome: 'failed', characters: 0, errorCode: 'PAGE_FAILED' },
    ]);
    expect(parsed.chunks).toMatchObject([{ text: 'The first page is here.' }]);
  });

  test('and only some pages are wanted, then no chunk spans the others, and each has its section', async () => {
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

  test('and one page between running lines and after a heading is wanted, then its chunk is the same as in a full reading', async () => {
    const pdf = await drawnPdf((document) => {
      for (let page = 1; page <= 12; page++) {
        document.addPage({ margin: 0 }).font('Helvetica').fontSize(9).text('The Yearly Report of the Mill', 72, 30);
        document.text(`${page}`, 300, 760);
        document.fontSize(11).text(`Words of page ${page} about the mill. `.repeat(30), 72, 150, { width: 460 });
        if (page === 3) {
          document.font('Helvetica-Bold').fontSize(16).text('The wheel', 72, 100);
        }
      }
    });
    const reading: ReadingOptions = { ...testReading, overlapTokens: 0 };
    const only = await parse(pdf, { reading, pages: [5] });
    expect(only.pages).toMatchObject([{ page: 5, outcome: 'text' }]);
    expect(only.chunks.every(({ pageStart, pageEnd }) => pageStart === 5 && pageEnd === 5)).toBe(true);
    expect(only.chunks.map(({ text }) => text).join(' ')).toBe('Words of page 5 about the mill. '.repeat(30).trim());
    expect(new Set(only.chunks.map(({ section }) => section))).toEqual(new Set(['The wheel']));
    expect(await parse(pdf, { reading, pages: [5] })).toEqual(only);
    const full = await parse(pdf, { reading });
    expect(full.chunks.find(({ text }) => text.includes('page 5'))?.section).toBe('The wheel');
  });

  test('and it holds more text than the limit, then it fails with DOCUMENT_TOO_LARGE, and the next one is read', async () => {
    const path = join(folder, 'long.pdf');
    await writeFile(path, await textPdf(Array(30).fill('All work and no play makes a dull mill. '.repeat(20))));
    const parseUpTo = (maxCharacters: number) =>
      parseDocument(pool, { path, ...limits }, { maxLostPages: 0, maxCharacters });
    await expect(parseUpTo(10_000)).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' });
    expect((await parseUpTo(100_000)).pageCount).toBe(30);
  });

  test('and it makes many tiny chunks, then the size of each chunk counts too', async () => {
    const path = join(folder, 'tiny.pdf');
    await writeFile(path, await textPdf(Array(30).fill('Tiny.')));
    const byPage = { ...limits, path, reading: { ...testReading, strategy: 'page' as const } };
    const parseUpTo = (maxCharacters: number) => parseDocument(pool, byPage, { maxLostPages: 0, maxCharacters });
    // 30 chunks with a box each.
    await expect(parseUpTo(30 * 465 - 1)).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' });
    expect((await parseUpTo(30 * 465)).chunks).toHaveLength(30);
  });

  test('and it is broken, encrypted or too long, then it fails with the code for that', async () => {
    await expect(parse(brokenPdf())).rejects.toMatchObject({ code: 'PDF_CORRUPT' });
    await expect(parse(await encryptedPdf())).rejects.toMatchObject({ code: 'PDF_ENCRYPTED' });
    await expect(parse(await blankPdf(4), { maxPages: 3 })).rejects.toMatchObject({ code: 'DOCUMENT_TOO_MANY_PAGES' });
  });
});

describe('When a text is read in the same process', () => {
  async function parseText(content: string | Buffer, mimeType: string, more: Partial<typeof limits> = {}) {
    const path = join(folder, `${Math.random()}`);
    await writeFile(path, content);
    return parseDocument(pool, { path, ...limits, mimeType, ...more }, { maxLostPages: 0, maxCharacters: 1_000_000 });
  }

  test('then title, pages and chunks come back, with sections and without boxes', async () => {
    const content = `# Mills\n\n${'The mill turns. '.repeat(300)}\n\n## Wheels\n\n${'The wheel turns. '.repeat(300)}`;
    const parsed = await parseText(content, 'text/markdown');
    expect(parsed).toMatchObject({ pageCount: 4, title: 'Mills', repair: null });
    expect(parsed.pages[1]).toMatchObject({ page: 2, width: 0, height: 0, outcome: 'text', errorCode: null });
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

  test('and it is no text or too long, then it fails with the code for that, and a PDF after it is read', async () => {
    await expect(parseText(Buffer.from('a\0b'), 'text/plain')).rejects.toMatchObject({ code: 'TEXT_UNREADABLE' });
    const long = parseText('page\f'.repeat(5), 'text/html', { maxPages: 3 });
    await expect(long).resolves.toMatchObject({ pageCount: 1 });
    await expect(parseText('page\f'.repeat(5), 'text/plain', { maxPages: 3 })).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_MANY_PAGES',
    });
    expect((await parse(await textPdf(['After all.']))).chunks).toMatchObject([{ text: 'After all.' }]);
  });
});
