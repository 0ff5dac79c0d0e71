import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk, testReading } from '@millrace/test-support';
import {
  acceptedDocument,
  type ChunkedDocument,
  claimAndSettle,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  endedDocument,
  firstId,
  newDocument,
  newPage,
  type OwnDatabase,
  testActor,
} from '@millrace/test-support/lifecycle';
import {
  acceptDocument,
  cancelJob,
  claimJob,
  failJob,
  findDriftedJobs,
  pruneHistory,
  retryJob,
  retryPages,
  storePages,
} from '../src';

const olderThanMs = 86_400_000;
let own: OwnDatabase;
let database: Database;
beforeAll(async () => {
  own = await createOwnDatabase();
  ({ database } = own);
});
afterAll(() => own.dispose());

/** Moves the end of all jobs, and all retries and actions, two days back. */
async function age(): Promise<void> {
  await database.sql.none(`UPDATE jobs SET finished_at = finished_at - interval '2 days'`);
  await database.sql.none(`UPDATE retry_groups SET requested_at = requested_at - interval '2 days'`);
  await database.sql.none(`UPDATE actions SET requested_at = requested_at - interval '2 days'`);
}

/** Prunes until nothing is left. @returns how many rows went. */
async function prune(limits: { jobs?: number; chunks?: number } = {}): Promise<number> {
  const options = { olderThanMs, jobs: 100, chunks: 10_000, ...limits };
  let removed = 0;
  let next: Awaited<ReturnType<typeof pruneHistory>>['next'] = null;
  do {
    const pruned = await pruneHistory(database, { ...options, after: next });
    removed += pruned.removed + pruned.chunks;
    ({ next } = pruned);
    if (pruned.chunks === options.chunks) {
      next ??= { at: '0', id: firstId };
    }
  } while (next !== null);
  return removed;
}

const count = async (from: string, values: unknown[] = []) =>
  (await database.sql.one<{ count: number }>(`SELECT count(*)::integer AS count FROM ${from}`, values)).count;
const chunksOf = (jobId: string) => count('job_chunks WHERE job_id = $1', [jobId]);
const isPruned = async (jobId: string) => (await database.jobs.find(jobId))?.prunedAt !== null;

/** Makes a document with a failed chunk whose text is no longer kept. */
async function withLostText(chunks: number): Promise<ChunkedDocument> {
  const made = await endedDocument(database, chunks, { failures: { 0: 'EMBEDDING_UNAVAILABLE' } });
  await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE job_id = $1', [made.jobId]);
  return made;
}

describe('Pruning', () => {
  test('When a job ended long ago, then its chunks go, and document, vectors and job stay', async () => {
    const { jobId, documentId } = await endedDocument(database, 5);
    expect(await prune()).toBe(0);
    await age();
    expect(await prune({ jobs: 1, chunks: 2 })).toBeGreaterThanOrEqual(6);
    expect(await chunksOf(jobId)).toBe(0);
    expect(await isPruned(jobId)).toBe(true);
    expect(await database.jobs.countChunks(jobId)).toMatchObject({ success: 5, pending: 0, failed: 0 });
    expect(await count('document_chunks WHERE document_id = $1', [documentId])).toBe(5);
    expect(await documentStatusOf(database, documentId)).toBe('ready');
    const drift = await findDriftedJobs(database, { after: firstId, limit: 100, endedWithinMs: 1e12 });
    expect(drift.drifted).toEqual([]);
    expect(await prune()).toBe(0);
  });

  test('When the same content is uploaded after that, then it is still a duplicate', async () => {
    const { documentId, jobId } = await endedDocument(database, 1);
    await age();
    await prune();
    const contentHash = (await database.documents.find(documentId))?.contentHash ?? '';
    const options = { jobId: newId(), jobMaxRetries: 1, chunkMaxRetries: 1, reading: testReading };
    const again = await acceptDocument(database, newDocument({ contentHash }), options);
    expect(again).toMatchObject({ duplicate: true, document: { id: documentId }, job: { id: jobId } });
  });

  test('When a chunk failed, then the document still names it, and its attempts and its retry go', async () => {
    const made = await endedDocument(database, 3, { failures: { 0: 'EMBEDDING_UNAVAILABLE' } });
    const [failed = ''] = made.chunkIds;
    const groupId = (await retryJob(database, made.jobId, { force: true }, testActor))?.groupId ?? '';
    await claimAndSettle(database, [failed], { [failed]: 'EMBEDDING_REJECTED' });
    await age();
    await prune();
    // It can be retried: its text is kept.
    expect([await chunksOf(made.jobId), await isPruned(made.jobId)]).toEqual([3, false]);
    expect(await database.retryGroups.find(groupId)).toMatchObject({ requestedBy: 'api-key' });

    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE job_id = $1', [made.jobId]);
    await prune();
    expect([await chunksOf(made.jobId), await isPruned(made.jobId)]).toEqual([1, true]);
    expect(await database.chunkAttempts.list(failed)).toEqual([]);
    expect(await database.retryGroups.find(groupId)).toBeNull();
    expect((await database.actions.list({ jobId: made.jobId }, { after: null, limit: 9 })).length).toBe(0);
    const missing = await database.jobChunks.listMissing(made.documentId, 10);
    expect(missing.chunks).toMatchObject([{ id: failed, lastErrorCode: 'EMBEDDING_REJECTED', attempts: 2 }]);
    expect(await retryJob(database, made.jobId, { force: true }, testActor)).toMatchObject({
      groupId: null,
      skipped: [{ id: failed, reason: 'payload_expired' }],
    });
    expect(await documentStatusOf(database, made.documentId)).toBe('partial');
  });

  test('When a job has not ended, or may be restarted, then it keeps everything', async () => {
    const waiting = await acceptedDocument(database);
    const unread = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, unread.jobId), new MillraceError('STORAGE_UNAVAILABLE'));
    await age();
    await prune();
    expect([await isPruned(waiting.jobId), await isPruned(unread.jobId)]).toEqual([false, false]);
    expect((await retryJob(database, unread.jobId, { force: false }, testActor))?.job).toMatchObject({
      jobId: unread.jobId,
    });
  });

  test('When failed pages are read again after that, then their chunks continue after the stored ones', async () => {
    const { jobId, documentId } = await endedDocument(database, 2, { failedPages: [3] });
    await age();
    await prune();
    expect(await chunksOf(jobId)).toBe(0);
    const retried = await retryPages(database, jobId, testActor);
    const rereadId = retried?.outcome === 'queued' ? retried.job.jobId : '';
    const text = `Chunk 1 of document ${documentId}`;
    const read = { pages: [newPage(3)], chunks: [newJobChunk(0, text)] };
    const dispatches = await storePages(database, await claimedJob(database, rereadId), read);
    await claimAndSettle(database, dispatches?.map(({ chunkId }) => chunkId) ?? []);
    const stored = await database.documentChunks.list(documentId, { after: -1, limit: 9 });
    expect(stored.map((chunk) => chunk.chunkIndex)).toEqual([0, 1, 2]);
    expect(new Set(stored.map((chunk) => chunk.chunkHash)).size).toBe(3);
    expect(await documentStatusOf(database, documentId)).toBe('ready');

    // Nothing follows from the reread job any more.
    await age();
    await prune();
    expect(await database.jobs.find(rereadId)).toBeNull();
    expect(await database.jobs.find(jobId)).not.toBeNull();
  });

  test('When a reread job left a chunk missing, then the job stays', async () => {
    const { jobId } = await endedDocument(database, 1, { failedPages: [2] });
    const retried = await retryPages(database, jobId, testActor);
    const rereadId = retried?.outcome === 'queued' ? retried.job.jobId : '';
    await claimJob(database, { jobId: rereadId, worker: 'test', leaseMs: 60_000 });
    await cancelJob(database, rereadId, testActor);
    await database.sql.none(`UPDATE jobs SET total_chunks = 1 WHERE id = $1`, [rereadId]);
    await age();
    await prune();
    expect(await isPruned(rereadId)).toBe(true);
  });

  test('When more chunks are old than one call removes, then the next call goes on', async () => {
    const { jobId } = await withLostText(6);
    await age();
    const options = { olderThanMs, after: null, jobs: 100, chunks: 2 };
    expect(await pruneHistory(database, options)).toMatchObject({ chunks: 2, next: null });
    expect([await chunksOf(jobId), await isPruned(jobId)]).toEqual([4, false]);
    await pruneHistory(database, options);
    await pruneHistory(database, options);
    expect([await chunksOf(jobId), await isPruned(jobId)]).toEqual([1, true]);
  });
});
