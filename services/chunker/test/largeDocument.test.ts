import { readFile } from 'node:fs/promises';
import { writeLargePdf } from '@millrace/test-support';
import { ReadingHarness } from './readingHarness';

const megabyte = 1024 * 1024;

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
afterAll(() => harness.dispose());

/** The peak memory of a process, in bytes. */
async function peakBytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

describe('When a PDF is large', () => {
  test('then the process that reads it holds only a part of it, and the result has all pages', async () => {
    const path = await harness.write(Buffer.alloc(0));
    await writeLargePdf(path, 2_000, (page) => [`The first line of page ${page}.`, 'And the second.']);
    // High enough to keep the process until its memory has been measured.
    const pool = harness.pool({ recycleRssBytes: 4096 * megabyte });
    // OCR takes some 200 MB more, whatever the size of the PDF.
    const { pages, chunks } = await harness.parseFile(pool, path, { mode: 'off' });
    expect(pages.filter(({ outcome }) => outcome === 'text')).toHaveLength(2_000);
    expect(chunks.at(-1)?.text).toContain('The first line of page 2000.');
    const [pid = 0] = pool.pids;
    // Any document takes some 180 MB here, because the process also compiles its sources. With the whole file of 120 MB in
    // memory, it would be 300 MB.
    expect(await peakBytes(pid)).toBeLessThan(260 * megabyte);
  });
});
