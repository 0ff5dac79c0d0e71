import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textPdf } from '@millrace/test-support';
import { ParserBench } from './parserPool';

let bench: ParserBench;
beforeAll(async () => {
  bench = await ParserBench.create();
});
afterAll(() => bench.dispose());

describe('When a file takes longer to open than it may', () => {
  let folder: string;
  let endless: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-open-'));
    endless = join(folder, 'endless');
    // Opening it for reading waits for a writer, who never comes.
    execFileSync('mkfifo', [endless]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['application/pdf', 'text/plain'])(
    '(%s), then that is what it ends with, and the next is read',
    async (mimeType) => {
      const pool = bench.pool({ openTimeoutMs: 5_000 });
      await expect(bench.parseFile(pool, endless, { mimeType })).rejects.toMatchObject({
        code: 'DOCUMENT_OPEN_TIMEOUT',
      });
      const { chunks } = await bench.parse(pool, await textPdf(['The next.']));
      expect(chunks.map(({ text }) => text)).toEqual(['The next.']);
    },
  );
});

describe('When a page of a text', () => {
  const html = (between: string) => Buffer.from(`<p>${'first '.repeat(1_000)}</p>${between}<p>second</p>`);

  test('takes longer than a page may, then the text ends with that, once', async () => {
    const pool = bench.pool({ pageTimeoutMs: 2_000 });
    const steps: number[] = [];
    const options = { mimeType: 'text/html', onPage: ({ page }: { page: number }) => void steps.push(page) };
    await bench.parse(pool, html(''), options);
    expect(steps).toEqual([1, 2, 3]);
    steps.length = 0;
    // Seconds of work, and nothing to show for it.
    await expect(bench.parse(pool, html('<b></b>'.repeat(10_000_000)), options)).rejects.toMatchObject({
      code: 'DOCUMENT_TIMEOUT',
      message: expect.stringMatching(/^Page \d took longer than 2000 ms/),
    });
    expect(steps.filter((page) => page === 1)).toHaveLength(1);
  });
});
