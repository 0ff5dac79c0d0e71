import { chunkHashOf, MillraceError } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import { newJobChunk, waitFor } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkedDocument,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  firstId,
  hasLockWaits,
  jobOf,
  letLeasesExpire,
  newPage,
  noBackoff,
  permanentFailure,
  settleClaim,
  testActor,
} from '@millrace/test-support/lifecycle';
import {
  cancelJob,
  countRetries,
  deleteDocument,
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

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

/** A job that has ended with two pages read, into two chunks, and two pages failed. */
async function partialJob(failures: (chunkIds: string[]) => ReturnType<typeof permanentFailure>[] = () => []) {
  const pages = [newPage(1), newPage(2, 'failed'), newPage(3), newPage(4, 'failed')];
  const made = await chunkedDocument(database, 2, { pages });
  await settleClaim(database, await claimedChunks(database, made.chunkIds), { failed: failures(made.chunkIds) });
  return made;
}

/** Requests the failed pages. @returns the id of the new job. */
async function requestPages(jobId: string): Promise<string> {
  const retried = await retryPages(database, jobId, testActor);
  if (retried?.outcome !== 'queued') {
    throw new Error(`expected a new job, but the outcome is ${retried?.outcome}`);
  }
  return retried.job.jobId;
}

/** The same with a reread job that a chunker has claimed. */
async function rereadJob() {
  const made = await partialJob();
  const rereadId = await requestPages(made.jobId);
  return { ...made, rereadId, job: await claimedJob(database, rereadId) };
}

const pagesOf = async (documentId: string) =>
  (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(
    (each) => each.errorCode ?? each.outcome,
  );
const chunkRows = (jobId: string) =>
  database.sql.many('SELECT * FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index', [jobId]);
const documentOf = (documentId: string) => database.documents.find(documentId);

describe('When failed pages are requested', () => {
  test('Then a new job waits for a chunker, and the job before, its chunks and the pages stay as they are', async () => {
    const { jobId, documentId } = await partialJob();
    expect(await documentStatusOf(database, documentId)).toBe('partial');
    const before = [await jobOf(database, jobId), await chunkRows(jobId)];
    const retried = await retryPages(database, jobId, testActor);
    const rereadId = retried?.outcome === 'queued' ? retried.job.jobId : '';
    expect(retried).toEqual({
      outcome: 'queued',
      groupId: expect.any(String),
      pages: 2,
      job: { jobId: rereadId, documentId, collectionId: defaultCollectionId, queueJobId: `${rereadId}.1`, delayMs: 0 },
    });
    expect(rereadId).not.toBe(jobId);
    expect(await jobOf(database, rereadId)).toMatchObject({ kind: 'reread', status: 'queued', maxRetries: 3 });
    expect(await documentOf(documentId)).toMatchObject({ status: 'processing', errorCode: null, jobId });
    expect(await claimedJob(database, rereadId)).toMatchObject({ kind: 'reread', failedPages: [2, 4], attempts: 1 });
    expect([await jobOf(database, jobId), await chunkRows(jobId)]).toEqual(before);
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
  });

  test('And some of them stand for files within the document, then those are not read again', async () => {
    const { jobId, documentId } = await partialJob();
    const setCode = (page: number) =>
      database.sql.none(
        `UPDATE document_pages SET error_code = 'ATTACHMENT_ENCRYPTED' WHERE document_id = $1 AND page = $2`,
        [documentId, page],
      );
    await setCode(4);
    const job = await claimedJob(database, await requestPages(jobId));
    expect(job).toMatchObject({ failedPages: [2], unreadFiles: [4] });
    await releaseJob(database, job);
    await cancelJob(database, job.jobId, testActor);
    await setCode(2);
    expect(await retryPages(database, jobId, testActor)).toEqual({ outcome: 'no_failed_pages' });
  });

  test('And a job of the document has not ended, then nothing is requested, whichever job is named', async () => {
    const { jobId, rereadId } = await rereadJob();
    expect(await retryPages(database, jobId, testActor)).toEqual({ outcome: 'in_progress' });
    expect(await retryPages(database, rereadId, testActor)).toEqual({ outcome: 'in_progress' });
    const underWay = await chunkedDocument(database, 1, { pages: [newPage(1, 'failed')] });
    expect(await retryPages(database, underWay.jobId, testActor)).toEqual({ outcome: 'in_progress' });
  });

  test('And many request them at once, then one new job is made', async () => {
    const { jobId, documentId } = await partialJob();
    const answers = await Promise.all(Array.from({ length: 5 }, () => retryPages(database, jobId, testActor)));
    expect(answers.map((answer) => answer?.outcome).sort()).toEqual([...Array(4).fill('in_progress'), 'queued']);
    const jobs = await database.sql.many('SELECT FROM jobs WHERE document_id = $1', [documentId]);
    expect(jobs).toHaveLength(2);
  });

  test('And there are none, no chunks, no original or no job, then the answer says so', async () => {
    const complete = await chunkedDocument(database, 1);
    await settleClaim(database, await claimedChunks(database, complete.chunkIds));
    expect(await retryPages(database, complete.jobId, testActor)).toEqual({ outcome: 'no_failed_pages' });
    const { job: unread } = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, unread.id), new MillraceError('PAGE_FAILED'), [
      newPage(1, 'failed'),
    ]);
    expect(await retryPages(database, unread.id, testActor)).toEqual({ outcome: 'no_failed_pages' });
    const gone = await partialJob();
    await database.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [gone.documentId]);
    expect(await retryPages(database, gone.jobId, testActor)).toEqual({ outcome: 'original_gone' });
    expect(await retryPages(database, firstId, testActor)).toBeNull();
  });
});

describe('When a reread job stores its pages', () => {
  test('And all can be read, then their chunks continue after the others, and the document is ready', async () => {
    const { jobId, documentId, job, rereadId } = await rereadJob();
    const before = await chunkRows(jobId);
    // A text that the document already holds, twice.
    const again = newJobChunk(0, `Chunk 1 of document ${documentId}`);
    const chunks = [again, newJobChunk(1, `Chunk 1 of document ${documentId}`), newJobChunk(2, 'Another text')];
    const pages = [{ ...newPage(2), label: 'ii' }, newPage(4, 'empty')];
    const dispatches = (await storePages(database, job, { pages, chunks })) ?? [];
    expect(dispatches.map((dispatch) => [dispatch.jobId, dispatch.chunkIndex])).toEqual([
      [rereadId, 2],
      [rereadId, 3],
      [rereadId, 4],
    ]);
    const group = await database.sql.one<{ id: string }>('SELECT retry_group_id AS id FROM jobs WHERE id = $1', [
      rereadId,
    ]);
    expect(await chunkRows(rereadId)).toMatchObject([
      { chunk_index: 2, chunk_hash: chunkHashOf(again.contentHash, 1), status: 'pending' },
      { chunk_index: 3, chunk_hash: chunkHashOf(again.contentHash, 2) },
      { chunk_index: 4, retry_group_id: group.id },
    ]);
    expect(await pagesOf(documentId)).toEqual(['text', 'text', 'text', 'empty']);
    const labels = (await database.documentPages.list(documentId, { after: 0, limit: 10 })).map(({ label }) => label);
    expect(labels).toEqual([null, 'ii', null, null]);

    const ids = dispatches.map((dispatch) => dispatch.chunkId);
    await settleClaim(database, await claimedChunks(database, ids));
    expect(await jobOf(database, rereadId)).toMatchObject({ status: 'completed', totalChunks: 3, processedChunks: 3 });
    expect(await documentOf(documentId)).toMatchObject({
      status: 'ready',
      totalChunks: 5,
      errorCode: null,
      error: null,
    });
    expect(await chunkRows(jobId)).toEqual(before);
    const stored = await database.documentChunks.list(documentId, { after: -1, limit: 10 });
    expect(stored.map((chunk) => chunk.chunkIndex)).toEqual([0, 1, 2, 3, 4]);
    expect(await retryPages(database, jobId, testActor)).toEqual({ outcome: 'no_failed_pages' });
  });

  test('And none can be read, then it fails, the document is what it was, and pages can be requested again', async () => {
    const { jobId, documentId, job, rereadId } = await rereadJob();
    const still = { ...newPage(2, 'failed'), errorCode: 'PAGE_TIMEOUT' };
    // An outcome for a page that was read already is ignored.
    expect(await storePages(database, job, { pages: [still, newPage(1, 'failed')], chunks: [] })).toEqual([]);
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_TIMEOUT', 'text', 'PAGE_FAILED']);
    const cause = { errorCode: 'PAGE_FAILED', error: '2 pages could not be read.' };
    expect(await jobOf(database, rereadId)).toMatchObject({ status: 'failed', finishedAt: expect.any(Date), ...cause });
    expect(await documentOf(documentId)).toMatchObject({ status: 'partial', ...cause });
    expect(await retryPages(database, jobId, testActor)).toMatchObject({ outcome: 'queued', pages: 2 });
  });

  test('And one of its chunks fails, then the document is partial, and a retry of that chunk makes it ready', async () => {
    const { documentId, job, rereadId } = await rereadJob();
    const chunks = [newJobChunk(0, 'One text'), newJobChunk(1, 'Another text')];
    const dispatches = (await storePages(database, job, { pages: [newPage(2), newPage(4)], chunks })) ?? [];
    const [bad = '', good = ''] = dispatches.map((dispatch) => dispatch.chunkId);
    await settleClaim(database, await claimedChunks(database, [bad, good]), { failed: [permanentFailure(bad)] });
    expect(await jobOf(database, rereadId)).toMatchObject({ status: 'completed_with_errors', failedChunks: 1 });
    expect(await documentOf(documentId)).toMatchObject({
      status: 'partial',
      errorCode: 'EMBEDDING_REJECTED',
      error: '1 of 4 chunks failed: bad text',
    });
    expect(await database.jobChunks.listMissing(documentId, 10)).toMatchObject({ count: 1, chunks: [{ id: bad }] });
    await retryJob(database, rereadId, { force: true }, testActor);
    expect(await documentStatusOf(database, documentId)).toBe('processing');
    await settleClaim(database, await claimedChunks(database, [bad]));
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('And its lease is lost, or it is told to store a whole document, then nothing is stored', async () => {
    const { documentId, job, rereadId } = await rereadJob();
    expect(await storeChunks(database, job, { title: null, pages: [newPage(1)], chunks: [newJobChunk(0)] })).toBeNull();
    const stale = { ...job, token: firstId };
    expect(await storePages(database, stale, { pages: [newPage(2)], chunks: [newJobChunk(0)] })).toBeNull();
    expect(await failJob(database, stale, new MillraceError('DOCUMENT_TIMEOUT'))).toBeNull();
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
    expect((await jobOf(database, rereadId)).status).toBe('chunking');
  });
});

describe('When a reread job cannot read', () => {
  test('Then it fails, the document is what it was and says why, and original and pages stay', async () => {
    const { documentId, job, rereadId } = await rereadJob();
    const error = new MillraceError('DOCUMENT_TIMEOUT', 'It took too long.');
    expect(await failJob(database, job, error, [newPage(1, 'failed')])).toEqual({ sourcePath: null });
    expect(await jobOf(database, rereadId)).toMatchObject({
      status: 'failed',
      errorCode: 'DOCUMENT_TIMEOUT',
      error: 'It took too long.',
      totalChunks: null,
    });
    expect(await documentOf(documentId)).toMatchObject({
      status: 'partial',
      errorCode: 'DOCUMENT_TIMEOUT',
      error: '2 pages could not be read. Reading them again failed: It took too long.',
      sourcePath: `originals/${documentId}`,
    });
    expect(await pagesOf(documentId)).toEqual(['text', 'PAGE_FAILED', 'text', 'PAGE_FAILED']);
    // It is not restarted: a new request makes a new job.
    expect(await retryJob(database, rereadId, { force: true }, testActor)).toMatchObject({ groupId: null, job: null });
    expect(await countRetries(database, { documentId, force: true })).toMatchObject({ jobsRestarted: 0, skipped: [] });
    expect(await requestPages(rereadId)).not.toBe(rereadId);
  });

  test('And the chunkers die, then others try as often as they may, and then it fails', async () => {
    const { documentId, rereadId } = await rereadJob();
    for (let attempt = 1; attempt < 3; attempt++) {
      await letLeasesExpire(database, 'jobs', [rereadId]);
      expect((await expireJobLeases(database, 100)).dispatches).toMatchObject([{ jobId: rereadId }]);
      expect(await claimedJob(database, rereadId)).toMatchObject({ attempts: attempt + 1, failedPages: [2, 4] });
    }
    await letLeasesExpire(database, 'jobs', [rereadId]);
    expect(await expireJobLeases(database, 100)).toEqual({ expired: 1, dispatches: [] });
    expect(await jobOf(database, rereadId)).toMatchObject({ status: 'failed', errorCode: 'WORKER_LOST' });
    expect(await documentOf(documentId)).toMatchObject({ status: 'partial', errorCode: 'WORKER_LOST' });
  });

  test('And the chunker stops, or meets a transient fault, then it waits again', async () => {
    const { job, rereadId } = await rereadJob();
    expect(await releaseJob(database, job)).toMatchObject({ queueJobId: `${rereadId}.2` });
    const next = await claimedJob(database, rereadId);
    const error = new MillraceError('STORAGE_UNAVAILABLE');
    expect(await retryReading(database, next, error, noBackoff)).toMatchObject({ queueJobId: `${rereadId}.3` });
    expect(await claimedJob(database, rereadId)).toMatchObject({ failedPages: [2, 4], attempts: 2 });
  });
});

describe('When several jobs of a document change', () => {
  test('And chunks of the first are retried while pages are read, then the document waits for both', async () => {
    const { jobId, documentId, chunkIds } = await partialJob(([first = '']) => [permanentFailure(first)]);
    const rereadId = await requestPages(jobId);
    const retried = await retryJob(database, jobId, { chunkIds, force: true }, testActor);
    expect(retried).toMatchObject({ chunks: [{ chunkId: chunkIds[0] }], skipped: [{ reason: 'succeeded' }] });
    const { drifted } = await findDriftedJobs(database, { after: firstId, limit: 1_000, endedWithinMs: 3_600_000 });
    expect(drifted).toEqual([]);
    const pages = [newPage(2, 'empty'), newPage(4, 'empty')];
    await storePages(database, await claimedJob(database, rereadId), { pages, chunks: [] });
    expect((await jobOf(database, rereadId)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('processing');
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('And both end at the same moment, then the second sees what the first did', async () => {
    const { jobId, documentId, chunkIds } = await partialJob(([first = '']) => [permanentFailure(first)]);
    const reread = await claimedJob(database, await requestPages(jobId));
    await retryJob(database, jobId, { chunkIds, force: true }, testActor);
    const held = await claimedChunks(database, chunkIds);
    const ending: Promise<unknown>[] = [];
    await database.transaction(async (session) => {
      await session.sql.many('SELECT FROM documents WHERE id = $1 FOR NO KEY UPDATE', [documentId]);
      const pages = [newPage(2, 'empty'), newPage(4, 'empty')];
      ending.push(settleClaim(database, held), storePages(database, reread, { pages, chunks: [] }));
      await waitFor('both to wait for the document', () => hasLockWaits(database, 2));
    });
    await Promise.all(ending);
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('And a service of the version before ends the document too early, then the reread job is claimed all the same', async () => {
    const { jobId, documentId } = await partialJob();
    const rereadId = await requestPages(jobId);
    await database.sql.none(`UPDATE documents SET status = 'partial', error_code = 'PAGE_FAILED' WHERE id = $1`, [
      documentId,
    ]);
    expect((await claimedJob(database, rereadId)).kind).toBe('reread');
    expect(await documentOf(documentId)).toMatchObject({ status: 'processing', errorCode: null });
  });

  test('And a reread job is cancelled, waiting or under way, then the document is what it was', async () => {
    const { jobId, documentId } = await partialJob();
    const before = await jobOf(database, jobId);
    for (const isUnderWay of [false, true]) {
      const rereadId = await requestPages(jobId);
      const held = isUnderWay ? await claimedJob(database, rereadId) : null;
      expect(await cancelJob(database, rereadId, testActor)).toBe('cancelled');
      expect(await jobOf(database, rereadId)).toMatchObject({ status: 'cancelled', leaseExpiresAt: null });
      expect(await jobOf(database, jobId)).toEqual(before);
      expect(await documentOf(documentId)).toMatchObject({ status: 'partial', errorCode: 'CANCELLED' });
      expect(held && (await storePages(database, held, { pages: [newPage(2)], chunks: [] }))).toBeNull();
    }
  });

  test('And the first was cancelled, then the document stays so until a reread job has stored its pages', async () => {
    const { jobId, documentId } = await chunkedDocument(database, 1, { pages: [newPage(1), newPage(2, 'failed')] });
    expect(await cancelJob(database, jobId, testActor)).toBe('cancelled');
    expect(await cancelJob(database, await requestPages(jobId), testActor)).toBe('cancelled');
    expect(await documentOf(documentId)).toMatchObject({ status: 'cancelled', errorCode: 'CANCELLED' });
    const job = await claimedJob(database, await requestPages(jobId));
    const dispatches = await storePages(database, job, { pages: [newPage(2)], chunks: [newJobChunk(0, 'New text')] });
    const ids = (dispatches ?? []).map((dispatch) => dispatch.chunkId);
    await settleClaim(database, await claimedChunks(database, ids));
    expect((await jobOf(database, jobId)).status).toBe('cancelled');
    expect(await documentOf(documentId)).toMatchObject({
      status: 'partial',
      errorCode: 'CANCELLED',
      error: '1 of 2 chunks failed: The job was cancelled.',
    });
  });

  test('And the document is deleted, then its reread job is gone, and the chunker stores nothing', async () => {
    const { documentId, job, rereadId } = await rereadJob();
    const kept = await rereadJob();
    expect(await deleteDocument(database, documentId, testActor)).toMatchObject({
      sourcePaths: [`originals/${documentId}`],
    });
    expect(await database.jobs.find(rereadId)).toBeNull();
    expect(await storePages(database, job, { pages: [newPage(2)], chunks: [newJobChunk(0)] })).toBeNull();
    expect((await jobOf(database, kept.rereadId)).status).toBe('chunking');
  });
});

describe('When a chunker says how far its reading is', () => {
  test('Then the job shows it, as long as the chunker holds the lease', async () => {
    const { job: accepted } = await acceptedDocument(database);
    const job = await claimedJob(database, accepted.id);
    await noteReading(database, job, 'reading page 12 of 40 (OCR)');
    expect((await jobOf(database, job.jobId)).currentStep).toBe('reading page 12 of 40 (OCR)');
    await noteReading(database, { ...job, token: firstId }, 'reading page 13 of 40');
    expect((await jobOf(database, job.jobId)).currentStep).toBe('reading page 12 of 40 (OCR)');
  });
});
