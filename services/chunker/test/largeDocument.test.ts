import { readFile } from 'node:fs/promises';
import { writeLargePdf } from '@millrace/test-support';
import { ReadingBench } from './readingBench';

const megabyte = 1024 * 1024;

let bench: ReadingBench;
beforeAll(async () => {
  bench = await ReadingBench.create();
});
afterAll(() => bench.dispose());

/** The most memory a process has held so far, in bytes. */
async function peakBytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

describe('When a PDF is large', () => {
  test('then the process that reads it holds a part of it, and all of its pages come back', async () => {
    const path = await bench.write(Buffer.alloc(0));
    await writeLargePdf(path, 2_000, (page) => [`The first line of page ${page}.`, 'And the second.']);
    // So high that the child is still there to be asked.
    const pool = bench.pool({ recycleRssBytes: 4096 * megabyte });
    // OCR takes memory of its own, some 200 MB, however large the PDF is.
    const { pages, chunks } = await bench.parseFile(pool, path, { mode: 'off' });
    expect(pages.filter(({ outcome }) => outcome === 'text')).toHaveLength(2_000);
    expect(chunks.at(-1)?.text).toContain('The first line of page 2000.');
    const [pid = 0] = pool.pids;
    // Any document takes some 180 MB here, where the process compiles its sources too; this one, of 120, held whole, 300.
    expect(await peakBytes(pid)).toBeLessThan(260 * megabyte);
  }, 120_000);
});
