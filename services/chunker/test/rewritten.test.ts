import { readFileSync } from 'node:fs';
import { compressedPdf, insatiablePdf } from '@millrace/test-support';
import { ParserBench } from './parserPool';

let bench: ParserBench;
beforeAll(async () => {
  bench = await ParserBench.create();
});
afterAll(() => bench.dispose());

test('When a broken PDF is too much for the process that writes it anew, then it alone ends, as corrupt', async () => {
  const pool = bench.pool();
  const { repair, chunks } = await bench.parse(pool, compressedPdf(['Rewritten.'], { cutOff: true }));
  expect({ repair, texts: chunks.map(({ text }) => text) }).toEqual({ repair: 'REWRITTEN', texts: ['Rewritten.'] });
  const [parser] = pool.pids;
  await expect(bench.parse(pool, insatiablePdf())).rejects.toMatchObject({
    code: 'PDF_CORRUPT',
    message: expect.stringContaining('writing it anew was given up'),
  });
  expect(pool.pids).toEqual([parser]);
  expect(readFileSync(`/proc/${parser}/task/${parser}/children`, 'utf8').trim()).toBe('');
});
