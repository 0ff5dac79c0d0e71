import { readFileSync } from 'node:fs';
import { compressedPdf, endlessPdf, insatiablePdf } from '@millrace/test-support';
import { ReadingHarness } from './readingHarness';

jest.setTimeout(300_000);

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
afterAll(() => harness.dispose());

test('When rewriting a broken PDF takes too much memory, then the document fails with PDF_CORRUPT, and only that process ends', async () => {
  const pool = harness.pool();
  const { repair, chunks } = await harness.parse(pool, compressedPdf(['Rewritten.'], { cutOff: true }));
  expect({ repair, texts: chunks.map(({ text }) => text) }).toEqual({ repair: 'REWRITTEN', texts: ['Rewritten.'] });
  const [parser] = pool.pids;
  // The memory limit ends the process, not the time limit, even on a slow machine.
  const rewrite = { maxFileBytes: 2 ** 20, timeoutMs: 280_000, maxRssBytes: 384 * 2 ** 20 };
  await expect(harness.parse(pool, insatiablePdf(), { rewrite })).rejects.toMatchObject({
    code: 'PDF_CORRUPT',
    message: expect.stringContaining('cannot be rewritten'),
  });
  expect(pool.pids).toEqual([parser]);
  expect(readFileSync(`/proc/${parser}/task/${parser}/children`, 'utf8').trim()).toBe('');
});

test.each([
  ['takes longer than the limit', endlessPdf(), { timeoutMs: 2_000 }, 'PDF_REPAIR_TIMEOUT'],
  [
    'gets a file larger than the limit',
    compressedPdf(['Large.'], { cutOff: true }),
    { maxFileBytes: 100 },
    'PDF_CORRUPT',
  ],
  [
    'takes more memory than the limit',
    compressedPdf(['Large.'], { cutOff: true }),
    { maxRssBytes: 2 ** 20 },
    'PDF_CORRUPT',
  ],
])('When rewriting a broken PDF %s, then the document fails with the code for that', async (_how, pdf, limit, code) => {
  const rewrite = { maxFileBytes: 2 ** 20, timeoutMs: 60_000, maxRssBytes: 768 * 2 ** 20, ...limit };
  await expect(harness.parse(harness.pool(), pdf, { rewrite })).rejects.toMatchObject({ code });
});
