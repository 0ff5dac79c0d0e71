import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { createTestDatabase, newJobChunk, type TestDatabase } from '@millrace/test-support';
import {
  acceptDocument,
  claimChunks,
  claimJob,
  deleteDocument,
  expireLeases,
  failJob,
  releaseChunks,
  releaseJob,
  renewChunkLeases,
  renewJobLease,
  settleChunks,
  storeChunks,
} from '../src';
import { accept, chunkedDocument, claimedJob, leaseMs, openDatabase, page, policy, settle, worker } from './support';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const statusOf = async (documentId: string) => (await database.documents.find(documentId))?.status;
const jobOf = async (jobId: string) => {
  const job = await database.jobs.find(jobId);
  if (!job) {
    throw new Error(`there is no job ${jobId}`);
  }
  return job;
};
const claim = (ids: string[], lease = leaseMs) => claimChunks(database, ids, worker, lease);
const unavailable = (chunkId: string) => ({ chunkId, error: new MillraceError('EMBEDDING_UNAVAILABLE', 'down') });

/** Lets a lease run out without waiting for it. */
const runOut = (table: 'jobs' | 'job_chunks', id: string) =>
  database.sql.none(`UPDATE ${table} SET lease_expires_at = now() - interval '1 second' WHERE id = $1`, [id]);

describe('A job', () => {
  test('When it is claimed, then it is chunking, its document processing, and nobody else can claim it', async () => {
    const { document, job } = await accept(database);
    const claimed = await claimedJob(database, job.id);
    expect((await jobOf(job.id)).status).toBe('chunking');
    expect(await statusOf(document.id)).toBe('processing');
    expect(await claimJob(database, job.id, 'another', leaseMs)).toEqual({
      outcome: 'leased',
      until: expect.any(Date),
    });
    expect(await renewJobLease(database, claimed, leaseMs)).toBe(true);
  });

  test('When many claim it at once, then exactly one gets it', async () => {
    const { job } = await accept(database);
    const claims = await Promise.all(Array.from({ length: 10 }, () => claimJob(database, job.id, worker, leaseMs)));
    expect(claims.filter((c) => c.outcome === 'claimed')).toHaveLength(1);
  });

  test('When it is handed back, then it is queued with a new delivery and no attempt counted', async () => {
    const { job } = await accept(database);
    const dispatch = await releaseJob(database, await claimedJob(database, job.id));
    expect(dispatch).toMatchObject({ jobId: job.id, queueJobId: `${job.id}.2` });
    expect(await jobOf(job.id)).toMatchObject({ status: 'queued', attempts: 0 });
  });

  test('When its lease has run out, then another chunker takes it over and the late one stores nothing', async () => {
    const { document, job } = await accept(database);
    const late = await claimedJob(database, job.id);
    await runOut('jobs', job.id);
    const next = await claimedJob(database, job.id);

    const chunked = { title: null, pages: [page(1)], chunks: [newJobChunk(0)] };
    expect(await storeChunks(database, late, chunked)).toBeNull();
    expect(await renewJobLease(database, late, leaseMs)).toBe(false);
    expect(await failJob(database, late, new MillraceError('PDF_CORRUPT'))).toBeNull();
    expect(await database.documentPages.list(document.id, { after: 0, limit: 10 })).toEqual([]);

    expect(await storeChunks(database, next, chunked)).toHaveLength(1);
    expect((await jobOf(job.id)).status).toBe('processing');
  });

  test('When three chunkers have died over it, then it fails as WORKER_LOST', async () => {
    const { document, job } = await accept(database);
    for (let chunker = 1; chunker <= 3; chunker += 1) {
      await claimedJob(database, job.id);
      await runOut('jobs', job.id);
    }
    expect(await claimJob(database, job.id, worker, leaseMs)).toEqual({ outcome: 'gone' });
    expect(await jobOf(job.id)).toMatchObject({ status: 'failed', error_code: 'WORKER_LOST' });
    expect(await statusOf(document.id)).toBe('failed');
  });

  test('When the input is bad, then job and document fail with the code, and the original is given up', async () => {
    const { document, job } = await accept(database);
    const claimed = await claimedJob(database, job.id);
    const failed = await failJob(database, claimed, new MillraceError('PDF_NO_TEXT'), [page(1, 'empty')]);
    expect(failed).toEqual({ sourcePath: `originals/${document.id}` });
    expect(await jobOf(job.id)).toMatchObject({ status: 'failed', error_code: 'PDF_NO_TEXT' });
    expect(await database.documents.find(document.id)).toMatchObject({ status: 'failed', source_path: null });
    expect(await database.documentPages.list(document.id, { after: 0, limit: 10 })).toHaveLength(1);
    expect(await claimJob(database, job.id, worker, leaseMs)).toEqual({ outcome: 'gone' });
  });
});

describe('The same upload twice', () => {
  test('When both come at the same moment, then one document and one job are made', async () => {
    const first = await accept(database);
    const options = () => ({ jobId: newId(), jobMaxRetries: 3, chunkMaxRetries: 3 });
    await deleteDocument(database, first.document.id);
    const accepted = await Promise.all(
      Array.from({ length: 8 }, () => acceptDocument(database, { ...first.document, id: newId() }, options())),
    );
    expect(accepted.filter((result) => !result.duplicate)).toHaveLength(1);
    expect(new Set(accepted.map((result) => result.document.id)).size).toBe(1);
    expect(new Set(accepted.map((result) => result.job.id)).size).toBe(1);
  });
});

describe('Job chunks', () => {
  test('When all succeed, then the job is completed, the document ready, and the payloads are gone', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const settled = await settle(database, await claim(chunkIds));
    expect(settled.rounds).toEqual([{ jobId, documentId, status: 'completed', retries: [] }]);
    expect(await jobOf(jobId)).toMatchObject({ status: 'completed', processed_chunks: 3, failed_chunks: 0 });
    expect(await statusOf(documentId)).toBe('ready');
    const stored = await database.documentChunks.list(documentId, { after: -1, limit: 10 });
    expect(stored.map((chunk) => chunk.content)).toEqual([0, 1, 2].map((i) => `Chunk ${i} of document ${documentId}`));
    const { payloads } = await database.sql.one<{ payloads: number }>(
      'SELECT count(payload)::integer AS payloads FROM job_chunks WHERE job_id = $1',
      [jobId],
    );
    expect(payloads).toBe(0);
  });

  test('When the same delivery comes ten times at once, then the chunk is claimed once', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const claims = await Promise.all(Array.from({ length: 10 }, () => claim(chunkIds)));
    expect(claims.filter((c) => c.chunks.length === 1)).toHaveLength(1);
  });

  test('When batches of one job are settled at the same time, then exactly one settlement ends it', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 24);
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => claim(chunkIds.slice(i * 3, i * 3 + 3))));
    const settled = await Promise.all(claims.map((c) => settle(database, c)));
    const ends = settled.flatMap((s) => s.rounds).filter((round) => round.status === 'completed');
    expect(ends).toHaveLength(1);
    expect(await jobOf(jobId)).toMatchObject({ status: 'completed', processed_chunks: 24 });
    expect(await statusOf(documentId)).toBe('ready');
  });

  test('When one fails for a reason that may pass, then it alone is tried again in the next round', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const [unlucky = ''] = chunkIds;
    const settled = await settle(database, await claim(chunkIds), { failed: [unavailable(unlucky)] });
    expect(settled.rounds).toMatchObject([
      { status: 'retrying', retries: [{ chunkId: unlucky, queueJobId: `${unlucky}.2` }] },
    ]);
    expect(await jobOf(jobId)).toMatchObject({
      status: 'retrying',
      retry_count: 1,
      processed_chunks: 2,
      failed_chunks: 0,
    });

    const again = await claim(chunkIds);
    expect(again.chunks.map((chunk) => chunk.id)).toEqual([unlucky]);
    expect((await jobOf(jobId)).status).toBe('processing');
    await settle(database, again);
    expect(await jobOf(jobId)).toMatchObject({ status: 'completed', processed_chunks: 3 });
    expect(await statusOf(documentId)).toBe('ready');
    expect(await database.chunkAttempts.list(unlucky)).toMatchObject([
      { attempt: 1, round: 1, outcome: 'failed', error_code: 'EMBEDDING_UNAVAILABLE', worker },
      { attempt: 2, round: 2, outcome: 'success', error_code: null },
    ]);
  });

  test('When a chunk fails in three rounds, then the job ends with errors and the document is partial', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = '', good = ''] = chunkIds;
    for (let round = 1; round <= 3; round += 1) {
      await settle(database, await claim(chunkIds), { failed: [unavailable(bad)] });
    }
    expect(await jobOf(jobId)).toMatchObject({
      status: 'completed_with_errors',
      error_code: 'EMBEDDING_UNAVAILABLE',
      processed_chunks: 1,
      failed_chunks: 1,
      retry_count: 2,
    });
    expect(await statusOf(documentId)).toBe('partial');
    expect((await claim([bad, good])).chunks).toEqual([]);
    expect(await database.chunkAttempts.list(bad)).toHaveLength(3);
    expect(await database.chunkAttempts.list(good)).toHaveLength(0);
  });

  test('When every chunk fails for good, then the job ends at once as failed', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const error = new MillraceError('EMBEDDING_REJECTED', 'bad key');
    await settle(database, await claim(chunkIds), { failed: chunkIds.map((chunkId) => ({ chunkId, error })) });
    expect(await jobOf(jobId)).toMatchObject({ status: 'failed', retry_count: 0, error_code: 'EMBEDDING_REJECTED' });
    expect(await statusOf(documentId)).toBe('failed');
  });

  test('When the provider names a time, then the next attempt waits for it', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const error = new MillraceError('EMBEDDING_RATE_LIMITED', 'slow down', { retryAfterMs: 30_000 });
    const settled = await settle(database, await claim(chunkIds), { failed: [{ chunkId, error }] });
    const delay = settled.rounds[0]?.retries[0]?.delayMs ?? 0;
    expect(delay).toBeGreaterThan(25_000);
    expect(delay).toBeLessThanOrEqual(30_000);
  });

  test('When the job may not retry, then the first failure is its end', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 1, {
      limits: { jobMaxRetries: 0, chunkMaxRetries: 3 },
    });
    await settle(database, await claim(chunkIds), { failed: chunkIds.map(unavailable) });
    expect((await jobOf(jobId)).status).toBe('failed');
  });

  test('When a page could not be read, then the document is partial though every chunk succeeded', async () => {
    const pages = [page(1), page(2, 'failed')];
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1, { pages });
    await settle(database, await claim(chunkIds));
    expect(await jobOf(jobId)).toMatchObject({ status: 'completed_with_errors', error_code: 'PAGE_FAILED' });
    expect(await statusOf(documentId)).toBe('partial');
  });

  test('When they are handed back, then another worker claims them and no attempt was counted', async () => {
    const { chunkIds } = await chunkedDocument(database, 2);
    const first = await claim(chunkIds);
    const released = await releaseChunks(database, first.token);
    expect(released.map((dispatch) => dispatch.queueJobId).sort()).toEqual(chunkIds.map((id) => `${id}.2`).sort());
    expect(await renewChunkLeases(database, first.token, leaseMs)).toBe(0);

    const second = await claim(chunkIds);
    expect(second.chunks.map((chunk) => chunk.attempts)).toEqual([1, 1]);
  });

  test('When a worker settles what it no longer holds, then nothing changes and no vector is written', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1);
    const late = await claim(chunkIds);
    await releaseChunks(database, late.token);
    const settled = await settle(database, late);
    expect(settled).toEqual({ chunkIds: new Set(), rounds: [] });
    expect(await database.documentChunks.list(documentId, { after: -1, limit: 10 })).toEqual([]);
    expect(await jobOf(jobId)).toMatchObject({ status: 'processing', processed_chunks: 0 });
  });

  test('When a lease runs out, then the chunk fails as WORKER_LOST and is tried again', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const lost = await claim(chunkIds);
    expect(await expireLeases(database, chunkIds, policy)).toEqual([]);
    await runOut('job_chunks', chunkId);

    const rounds = await expireLeases(database, chunkIds, policy);
    expect(rounds).toMatchObject([{ jobId, status: 'retrying', retries: [{ chunkId }] }]);
    expect(await database.chunkAttempts.list(chunkId)).toMatchObject([
      { outcome: 'failed', error_code: 'WORKER_LOST' },
    ]);
    expect((await settle(database, lost)).chunkIds.size).toBe(0);
    await settle(database, await claim(chunkIds));
    expect((await jobOf(jobId)).status).toBe('completed');
  });

  test('When the vector does not fit the column, then the settlement is rolled back whole', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const held = await claim(chunkIds);
    const embedded = held.chunks.map((chunk, i) => ({
      chunk,
      embedding: new Float32Array(i === 0 ? 768 : 10).fill(1),
    }));
    await expect(
      settleChunks(database, { token: held.token, embedded, failed: [], embeddingModel: 'm' }, policy),
    ).rejects.toThrow(/expected 768 dimensions, not 10/);
    expect(await database.documentChunks.list(documentId, { after: -1, limit: 10 })).toEqual([]);
    expect(await database.jobChunks.countByStatus(jobId)).toEqual({ processing: 2 });
    expect((await settle(database, held)).chunkIds.size).toBe(2);
  });
});

describe('Deleting a document', () => {
  test('When it is in the middle of its work, then everything of it goes and a late settlement changes nothing', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 4);
    const sibling = await chunkedDocument(database, 1);
    const held = await claim(chunkIds.slice(0, 2));
    await settle(database, await claim(chunkIds.slice(2)));

    expect(await deleteDocument(database, documentId)).toEqual({ sourcePath: `originals/${documentId}` });
    expect((await settle(database, held)).chunkIds.size).toBe(0);
    expect(await database.documents.find(documentId)).toBeNull();
    expect(await database.jobs.find(jobId)).toBeNull();
    expect(await database.jobChunks.findAll(chunkIds)).toEqual([]);
    expect(await database.documentChunks.list(documentId, { after: -1, limit: 10 })).toEqual([]);
    expect(await statusOf(sibling.documentId)).toBe('processing');
  });

  test('When settlements and the deletion meet, then neither fails', async () => {
    const { documentId, chunkIds } = await chunkedDocument(database, 12);
    const claims = await Promise.all(chunkIds.map((id) => claim([id])));
    await Promise.all([...claims.map((c) => settle(database, c)), deleteDocument(database, documentId)]);
    expect(await database.documents.find(documentId)).toBeNull();
    const { left } = await database.sql.one<{ left: number }>(
      'SELECT count(*)::integer AS left FROM document_chunks WHERE document_id = $1',
      [documentId],
    );
    expect(left).toBe(0);
  });

  test('When there is no such document, then the answer says so', async () => {
    expect(await deleteDocument(database, newId())).toBeNull();
  });
});
