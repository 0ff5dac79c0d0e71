import { join } from 'node:path';
import { formBombPdf, textPdf } from '@millrace/test-support';
import { ReadingHarness } from './readingHarness';

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
afterAll(() => harness.dispose());

test('When a used process outgrows its bound, then the document goes on in a new one, which may take more', async () => {
  const pool = harness.pool({ usedMaxRssBytes: 1024, entry: join(__dirname, '../dist/parseProcess.js') });
  await harness.parse(pool, await textPdf(['A document before.']));
  const before = pool.pids;
  // A second of work on a quiet machine, so that the bound is checked while it lasts.
  const slow = formBombPdf(['The first page.', 'The second page.'], { pages: [2], fanOut: 10, depth: 5 });
  const { pages } = await harness.parse(pool, slow);
  expect(pages.map(({ outcome }) => outcome)).toEqual(['text', 'text']);
  expect(pool.pids).not.toEqual(before);
});
