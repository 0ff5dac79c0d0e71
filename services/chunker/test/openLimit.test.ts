import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { textPdf } from '@millrace/test-support';
import type { PageStep } from '../src/parseProtocol';
import { stopClock } from './fakeClock';
import { ReadingHarness } from './readingHarness';

jest.setTimeout(300_000);
beforeEach(() => stopClock());
afterEach(() => jest.useRealTimers());

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
afterAll(() => harness.dispose());

describe('When opening a file takes longer than the limit', () => {
  let folder: string;
  let endless: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'millrace-open-'));
    endless = join(folder, 'endless');
    // Opening it for reading waits for a writer, and there is none.
    execFileSync('mkfifo', [endless]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['application/pdf', 'text/plain'])(
    '(%s), then it fails with DOCUMENT_OPEN_TIMEOUT, and the next is read',
    async (mimeType) => {
      const openMs = 60_000;
      const pool = harness.pool({ firstStepMs: openMs });
      const readNext = async () =>
        (await harness.parse(pool, await textPdf(['The next.']))).chunks.map(({ text }) => text);
      // The process has started now, so the time for opening begins at once.
      expect(await readNext()).toEqual(['The next.']);
      const outcome = expect(harness.parseFile(pool, endless, { mimeType })).rejects.toMatchObject({
        code: 'DOCUMENT_OPEN_TIMEOUT',
      });
      jest.advanceTimersByTime(openMs);
      await outcome;
      expect(await readNext()).toEqual(['The next.']);
    },
  );
});

describe('When a page of a text', () => {
  test('takes longer than the limit, then the text fails with DOCUMENT_TIMEOUT and is not read again', async () => {
    const pool = harness.pool({ stepMs: 60_000, entry: join(__dirname, 'fixtures/endlessPage.ts') });
    const steps: number[] = [];
    const onPage = ({ page }: PageStep) => {
      steps.push(page);
      if (page === 2) {
        jest.advanceTimersByTime(60_000);
      }
    };
    await expect(harness.parse(pool, Buffer.from('text'), { mimeType: 'text/html', onPage })).rejects.toMatchObject({
      code: 'DOCUMENT_TIMEOUT',
      message: 'Page 2 took longer than 60000 ms.',
    });
    expect(steps).toEqual([1, 2]);
  });
});
