import { formBombPdf } from '@millrace/test-support';
import type { PageStep, ReaderPool } from '../src/parseProtocol';
import { stopClock } from './fakeClock';
import { ReadingHarness } from './readingHarness';

jest.setTimeout(300_000);

const texts = ['The first page.', 'The second page.', 'The third page.', 'The fourth page.'];
/** Ten seconds of work, and half a gigabyte in the first of them, on a quiet machine. */
const bomb = { fanOut: 10, depth: 6 };
const pageMs = 60_000;

let harness: ReadingHarness;
beforeAll(async () => {
  harness = await ReadingHarness.create();
});
beforeEach(() => stopClock());
afterEach(() => jest.useRealTimers());
afterAll(() => harness.dispose());

/** A pool whose limits are reached only where the test moves the clock. */
function timedPool(timeoutMs = 10 * pageMs): ReaderPool {
  return harness.pool({ timeoutMs, stepMs: pageMs });
}

/** Lets the time of each of these pages pass when it begins. It must keep its process busy until the process is killed. */
function timeOutAt(pages: number[]) {
  return ({ page }: PageStep) => {
    if (pages.includes(page)) {
      jest.advanceTimersByTime(pageMs);
    }
  };
}

/** The error code of each page, or its outcome when it has no code. */
function outcomes({ pages }: { pages: { outcome: string; errorCode: string | null }[] }): string[] {
  return pages.map(({ outcome, errorCode }) => errorCode ?? outcome);
}

/** Sends the process a signal when it begins one of the pages. The page must keep it busy until the signal arrives. */
function signalAt(pool: ReaderPool, pages: number[], signal: NodeJS.Signals) {
  return ({ page }: PageStep) => {
    if (pages.includes(page)) {
      for (const pid of pool.pids) {
        process.kill(pid, signal);
      }
    }
  };
}

describe('When a page of a PDF', () => {
  test('takes longer than the limit of a page, then it alone fails, and the other pages are read as usual', async () => {
    const pdf = formBombPdf(texts, { pages: [2], ...bomb });
    const pool = timedPool();
    const onPage = timeOutAt([2]);
    const [first, second] = [await harness.parse(pool, pdf, { onPage }), await harness.parse(pool, pdf, { onPage })];
    expect(outcomes(first)).toEqual(['text', 'PAGE_TIMEOUT', 'text', 'text']);
    expect(first.pages[1]).toMatchObject({ page: 2, outcome: 'failed', characters: 0 });
    expect(first.chunks.map(({ text }) => text)).toEqual(['The first page.\n\nThe third page.\n\nThe fourth page.']);
    expect(second).toEqual(first);
  });

  test('takes more memory than the limit, then it alone fails', async () => {
    jest.useRealTimers();
    const pdf = formBombPdf(texts, { pages: [3], ...bomb });
    const parsed = await harness.parse(harness.pool({ maxRssBytes: 300 * 1024 * 1024 }), pdf);
    expect(outcomes(parsed)).toEqual(['text', 'text', 'PAGE_TOO_LARGE', 'text']);
    expect(parsed.chunks.map(({ text }) => text).join()).toContain('The fourth page.');
  });

  test('crashes its process, then it alone fails', async () => {
    const pool = harness.pool();
    const pdf = formBombPdf(texts, { pages: [1], ...bomb });
    const parsed = await harness.parse(pool, pdf, { onPage: signalAt(pool, [1], 'SIGSEGV') });
    expect(outcomes(parsed)).toEqual(['PAGE_CRASHED', 'text', 'text', 'text']);
  });

  test('is one too many that is lost, then the document fails and the message names the pages', async () => {
    const pdf = formBombPdf(texts, { pages: [1, 3], ...bomb });
    const pool = timedPool();
    const onPage = timeOutAt([1, 3]);
    expect(outcomes(await harness.parse(pool, pdf, { maxLostPages: 2, onPage }))).toEqual([
      'PAGE_TIMEOUT',
      'text',
      'PAGE_TIMEOUT',
      'text',
    ]);
    await expect(harness.parse(pool, pdf, { maxLostPages: 1, onPage })).rejects.toMatchObject({
      code: 'DOCUMENT_UNREADABLE',
      message: expect.stringContaining('1 (PAGE_TIMEOUT), 3 (PAGE_TIMEOUT)'),
    });
  });

  test('that is not wanted is lost, then it has no outcome and does not count as lost', async () => {
    const pool = harness.pool();
    const pdf = formBombPdf(texts, { pages: [1, 3], ...bomb });
    const onPage = signalAt(pool, [1, 3], 'SIGSEGV');
    const parsed = await harness.parse(pool, pdf, { pages: [2, 4], maxLostPages: 0, onPage });
    expect(parsed.pages.map(({ page, outcome }) => [page, outcome])).toEqual([
      [2, 'text'],
      [4, 'text'],
    ]);
    expect(parsed.chunks.map(({ text }) => text)).toEqual(['The second page.', 'The fourth page.']);
    await expect(harness.parse(pool, pdf, { pages: [2, 3], maxLostPages: 0, onPage })).rejects.toMatchObject({
      code: 'DOCUMENT_UNREADABLE',
      message: expect.not.stringContaining('1 (PAGE_CRASHED)'),
    });
  });

  test('is lost, then its time counts as time of the document', async () => {
    const pdf = formBombPdf(texts, { pages: [1, 2, 3, 4], ...bomb });
    const onPage = timeOutAt([1, 2, 3, 4]);
    const lost: number[] = [];
    const options = { maxLostPages: 10, onPage, onLost: ({ page }: { page: number }) => lost.push(page) };
    await expect(harness.parse(timedPool(2.5 * pageMs), pdf, options)).rejects.toMatchObject({
      code: 'DOCUMENT_TIMEOUT',
    });
    expect(lost).toEqual([1, 2]);
  });
});

describe('When the process that reads a PDF is killed from outside at a page', () => {
  test('then the document fails with READER_LOST, and no page with a code', async () => {
    const pool = harness.pool();
    const onPage = signalAt(pool, [1], 'SIGKILL');
    const pdf = formBombPdf(texts, { pages: [1], ...bomb });
    await expect(harness.parse(pool, pdf, { onPage })).rejects.toMatchObject({ code: 'READER_LOST' });
  });
});
