import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeLargePdf } from '@millrace/test-support';
import { loadPdfium, openPdf } from '../src';
import { TemporaryFolder } from './temporary';

const megabyte = 2 ** 20;
const pages = 2_000;

const folder = new TemporaryFolder();
beforeAll(() => folder.make());
afterAll(() => folder.remove());

describe('When a PDF of more than 100 MB is read', () => {
  test('then the engine takes less than 80 MB, and every page has its text', async () => {
    const path = join(await folder.write(Buffer.alloc(0)), '..', 'large.pdf');
    await writeLargePdf(path, pages, (page) => [`This is page ${page} of the book.`]);
    expect((await stat(path)).size).toBeGreaterThan(100 * megabyte);

    const file = await openPdf(path);
    for (let page = 1; page <= pages; page++) {
      expect(file.readPage(page).text).toBe(`This is page ${page} of the book.`);
    }
    expect(file.readPage(1).text).toBe('This is page 1 of the book.');
    file.close();
    await rm(path);

    // The engine's memory never shrinks, so its size is its peak.
    expect((await loadPdfium()).memory.u8.length).toBeLessThan(80 * megabyte);
  });
});
