import { chunkHashOf, MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk } from '@millrace/test-support';
import {
  cancelJob,
  expireJobLeases,
  failJob,
  findDriftedJobs,
  noteReading,
  releaseJob,
  retryJob,
  retryPages,
  retryReading,
  storeChunks,
  storePages,
} from '../src';
import {
  accept,
  chunkedDocument,
  claim,
  claimedJob,
  createDatabase,
  firstId,
  jobOf,
  page,
  policy,
  rejected,
  runOut,
  settle,
  statusOf,
} from './support';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createDatabase());
});
afterAll(() => dispose());

/** A job that has ended with three pages read, into two chunks, and two not. */
async function partialJob(failures: (chunkIds: string[]) => ReturnType<typeof rejected>[] = () => []) {
  const pages = [page(1), page(2, 'failed'), page(3), page(4, 'failed')];
  const made = await chunkedDocument(database, 2, { pages });
  await settle(database, await claim(database, made.chunkIds), { failed: failures(made.chunkIds) });
  return made;
}

/** The same, its pages queued to be read again and claimed. */
async function rereadJob() {
  const made = await partialJob();
  const retried = await retryPages(database, made.jobId);
  return { ...made, retried, job: await claimedJob(database, made.jobId) };
}

const pagesOf = async (documentId: string) =>
  (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(
    (each) => each.errorCode ?? each.outcome,
  );
const rowsOf = (jobId: string) =>
  database.sql.many('SELECT * FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index', [jobId]);

describe('When failed pages are to be read again', () => {
  test('then the job waits for a chunker that is told which, and its chunks and pages stay as they are', async () => {
    const { jobId, documentId } = await partialJob();
    expect(await statusOf(database, documentId)).toBe('partial');
    const before = await rowsOf(jobId);
    const retried = await retryPages(database, jobId);
    expect(retried).toEqual({
      outcome: 'queued',
      groupId: expect.any(String),
      pages: 2,
      job: { jobId, documentId, queueJobId: `${jobId}.2`, delayMs: 0 },
    });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'queued', finishedAt: null, errorCode: null });
    expect(await statusOf(database, documentId)).toBe('processing');
    expect(await retryPages(database, jobId)).toEqual({ outcome: 'in_progress' });
    expect(await claimedJob(database, jobId)).toMatchObject({ failedPages: [2, 4], attempts: 1 });
    expect(await rowsOf(jobId)).toEqual(before);
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
  });

  test('and all can be read, then their chunks come after those there are, and the document is ready', async () => {
    const { jobId, documentId, job, retried } = await rereadJob();
    const before = await rowsOf(jobId);
    // A text that the document holds already, and twice.
    const again = newJobChunk(0, `Chunk 1 of document ${documentId}`);
    const chunks = [again, newJobChunk(1, `Chunk 1 of document ${documentId}`), newJobChunk(2, 'Another text')];
    const dispatches =
      (await storePages(database, job, { pages: [{ ...page(2), label: 'ii' }, page(4, 'empty')], chunks })) ?? [];
    expect(dispatches.map((dispatch) => dispatch.chunkIndex)).toEqual([2, 3, 4]);
    const rows = await rowsOf(jobId);
    expect(rows.slice(0, 2)).toEqual(before);
    expect(rows.slice(2)).toMatchObject([
      { chunk_index: 2, chunk_hash: chunkHashOf(again.contentHash, 1), status: 'pending' },
      { chunk_index: 3, chunk_hash: chunkHashOf(again.contentHash, 2) },
      { chunk_index: 4, retry_group_id: retried?.outcome === 'queued' && retried.groupId },
    ]);
    expect(await pagesOf(documentId)).toEqual(['text', 'text', 'text', 'empty']);
    const labels = (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(({ label }) => label);
    expect(labels).toEqual([null, 'ii', null, null]);

    const ids = dispatches.map((dispatch) => dispatch.chunkId);
    await settle(database, await claim(database, ids));
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', totalChunks: 5, processedChunks: 5 });
    expect(await database.documents.find(documentId)).toMatchObject({ status: 'ready', totalChunks: 5 });
    const { count } = await database.sql.one<{ count: number }>(
      'SELECT count(*)::integer AS count FROM document_chunks WHERE document_id = $1',
      [documentId],
    );
    expect(count).toBe(5);
    expect(await retryPages(database, jobId)).toEqual({ outcome: 'no_failed_pages' });
  });

  test('and none can be read, then the job ends as it was, and can be asked again', async () => {
    const { jobId, documentId, job } = await rereadJob();
    const still = { ...page(2, 'failed'), errorCode: 'PAGE_TIMEOUT' };
    // What is said of a page that had been read is not heard.
    expect(await storePages(database, job, { pages: [still, page(1, 'failed')], chunks: [] })).toEqual([]);
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_TIMEOUT', 'text', 'PAGE_FAILED']);
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed_with_errors',
      errorCode: 'PAGE_FAILED',
      finishedAt: expect.any(Date),
    });
    expect(await statusOf(database, documentId)).toBe('partial');
    expect(await retryPages(database, jobId)).toMatchObject({ outcome: 'queued', pages: 2 });
  });

  test('and the file cannot be read at all, then the job ends as it was and says why, and the original stays', async () => {
    const { jobId, documentId, job } = await rereadJob();
    const error = new MillraceError('DOCUMENT_TIMEOUT', 'too slow today');
    expect(await failJob(database, job, error, [page(1, 'failed')])).toEqual({ sourcePath: null });
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed_with_errors',
      errorCode: 'DOCUMENT_TIMEOUT',
      error: '2 pages could not be read, nor again: too slow today',
    });
    expect(await database.documents.find(documentId)).toMatchObject({
      status: 'partial',
      sourcePath: `originals/${documentId}`,
    });
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
  });

  test('and the chunkers die, then others try as often as they may, and the job ends as it was', async () => {
    const { jobId } = await rereadJob();
    for (let attempt = 1; attempt < 3; attempt++) {
      await runOut(database, 'jobs', [jobId]);
      expect((await expireJobLeases(database, 100)).dispatches).toMatchObject([{ jobId }]);
      expect(await claimedJob(database, jobId)).toMatchObject({ attempts: attempt + 1, failedPages: [2, 4] });
    }
    await runOut(database, 'jobs', [jobId]);
    expect(await expireJobLeases(database, 100)).toEqual({ expired: 1, dispatches: [] });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed_with_errors', errorCode: 'WORKER_LOST' });
  });

  test('and the chunker stops, or meets what may pass, then the job waits again', async () => {
    const { jobId, job } = await rereadJob();
    expect(await releaseJob(database, job)).toMatchObject({ queueJobId: `${jobId}.3` });
    const next = await claimedJob(database, jobId);
    const error = new MillraceError('STORAGE_UNAVAILABLE');
    expect(await retryReading(database, next, error, policy)).toMatchObject({ queueJobId: `${jobId}.4` });
    expect(await claimedJob(database, jobId)).toMatchObject({ failedPages: [2, 4], attempts: 2 });
  });

  test('then a chunker that lost its lease stores nothing, nor one that has read the whole document', async () => {
    const { jobId, documentId, job } = await rereadJob();
    expect(await storeChunks(database, job, { title: null, pages: [page(1)], chunks: [newJobChunk(0)] })).toBeNull();
    const stale = { ...job, token: firstId };
    expect(await storePages(database, stale, { pages: [page(2)], chunks: [newJobChunk(0)] })).toBeNull();
    expect(await failJob(database, stale, new MillraceError('DOCUMENT_TIMEOUT'))).toBeNull();
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
    expect((await jobOf(database, jobId)).status).toBe('chunking');
  });

  test('then its failed chunks wait for that, and nobody takes it for drifted', async () => {
    const { jobId, chunkIds } = await partialJob(([first = '']) => [rejected(first)]);
    await retryPages(database, jobId);
    expect(await retryJob(database, jobId, { chunkIds, force: true })).toMatchObject({
      groupId: null,
      skipped: [{ reason: 'in_progress' }, { reason: 'succeeded' }],
    });
    const { drifted } = await findDriftedJobs(database, { after: firstId, limit: 1_000, endedWithinMs: 3_600_000 });
    expect(drifted).toEqual([]);
    await storePages(database, await claimedJob(database, jobId), { pages: [page(2), page(4)], chunks: [] });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed_with_errors', failedChunks: 1 });
    expect((await retryJob(database, jobId, { force: true }))?.chunks).toHaveLength(1);
  });

  test('and that is cancelled, waiting or under way, then the job is what it was, and says why', async () => {
    const { jobId, documentId } = await partialJob();
    const before = await jobOf(database, jobId);
    for (const isUnderWay of [false, true]) {
      await retryPages(database, jobId);
      const held = isUnderWay ? await claimedJob(database, jobId) : null;
      expect(await cancelJob(database, jobId)).toBe('cancelled');
      expect(await jobOf(database, jobId)).toMatchObject({
        status: before.status,
        processedChunks: before.processedChunks,
        errorCode: 'CANCELLED',
        leaseExpiresAt: null,
      });
      expect(await statusOf(database, documentId)).toBe('partial');
      expect(held && (await storePages(database, held, { pages: [page(2)], chunks: [] }))).toBeNull();
    }
    expect(await cancelJob(database, jobId)).toBe('ended');
  });

  test('and it is cancelled, then it can be asked again, and what was cancelled counts as failed', async () => {
    const pages = [page(1), page(2, 'failed')];
    const { jobId, documentId } = await chunkedDocument(database, 1, { pages });
    expect(await cancelJob(database, jobId)).toBe('cancelled');
    expect(await retryPages(database, jobId)).toMatchObject({ outcome: 'queued' });
    expect(await cancelJob(database, jobId)).toBe('cancelled');
    expect(await retryPages(database, jobId)).toMatchObject({ outcome: 'queued' });
    await storePages(database, await claimedJob(database, jobId), { pages: [page(2)], chunks: [] });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'failed', failedChunks: 1, errorCode: 'CANCELLED' });
    expect(await statusOf(database, documentId)).toBe('failed');
  });

  test('and there are none, no chunks, no original or no job, then that is told', async () => {
    const complete = await chunkedDocument(database, 1);
    await settle(database, await claim(database, complete.chunkIds));
    expect(await retryPages(database, complete.jobId)).toEqual({ outcome: 'no_failed_pages' });
    const { job: unread } = await accept(database);
    await failJob(database, await claimedJob(database, unread.id), new MillraceError('PAGE_FAILED'), [
      page(1, 'failed'),
    ]);
    expect(await retryPages(database, unread.id)).toEqual({ outcome: 'no_failed_pages' });
    const gone = await partialJob();
    await database.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [gone.documentId]);
    expect(await retryPages(database, gone.jobId)).toEqual({ outcome: 'original_gone' });
    expect(await retryPages(database, firstId)).toBeNull();
  });
});

describe('When a chunker tells how far its reading is', () => {
  test('then the job shows it, as long as the lease is the chunker’s', async () => {
    const { job: accepted } = await accept(database);
    const job = await claimedJob(database, accepted.id);
    await noteReading(database, job, 'reading page 12 of 40 (OCR)');
    expect((await jobOf(database, job.jobId)).currentStep).toBe('reading page 12 of 40 (OCR)');
    await noteReading(database, { ...job, token: firstId }, 'reading page 13 of 40');
    expect((await jobOf(database, job.jobId)).currentStep).toBe('reading page 12 of 40 (OCR)');
  });
});
