import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import {
  chunkedDocument,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  jobOf,
  newPage,
  permanentFailure,
  settleClaim,
  testActor,
  testLease,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { claimChunks, retryJob, retryPages, storePages } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

describe('A round', () => {
  test('When one chunk fails with a retryable code, then only that chunk is tried again in the next round', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const [unlucky = ''] = chunkIds;
    const held = await claimedChunks(database, chunkIds);
    const settled = await settleClaim(database, held, { failed: [transientFailure(unlucky)] });
    const collectionId = held.chunks[0]?.collectionId;
    expect(settled.rounds).toMatchObject([
      { status: 'retrying', retries: [{ chunkId: unlucky, collectionId, queueJobId: `${unlucky}.2` }] },
    ]);
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'retrying',
      retryCount: 1,
      processedChunks: 2,
      failedChunks: 0,
    });

    const again = await claimedChunks(database, chunkIds);
    expect(again.chunks.map((chunk) => chunk.id)).toEqual([unlucky]);
    expect((await jobOf(database, jobId)).status).toBe('processing');
    await settleClaim(database, again);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
    expect(await database.chunkAttempts.list(unlucky)).toMatchObject([
      { attempt: 1, round: 1, outcome: 'failed', errorCode: 'EMBEDDING_UNAVAILABLE', worker: testLease.worker },
      { attempt: 2, round: 2, outcome: 'success', errorCode: null },
    ]);
  });

  test('When chunks are settled, then it is known of each whether it is given up, and why', async () => {
    const { jobId, documentId, chunkIds } = await chunkedDocument(database, 4, { jobMaxRetries: 1 });
    const [bad = '', unlucky = '', good = '', late = ''] = chunkIds;
    const failed = [permanentFailure(bad), transientFailure(unlucky)];
    const first = await settleClaim(database, await claimedChunks(database, [bad, unlucky, good]), { failed });
    const [round] = first.rounds;
    expect(round).toMatchObject({ jobId, documentId, status: 'processing' });
    const ofFirst = new Map(round?.settled.map((chunk) => [chunk.id, chunk]));
    expect(ofFirst.get(bad)).toMatchObject({ status: 'failed', code: 'EMBEDDING_REJECTED', givenUp: 'permanent' });
    expect(ofFirst.get(unlucky)).toMatchObject({ status: 'failed', reason: 'down', attempts: 1, givenUp: null });
    expect(ofFirst.get(good)).toMatchObject({ status: 'success', givenUp: null });
    await settleClaim(database, await claimedChunks(database, [late]));
    // The job has no further round, though the chunk has an attempt left.
    const again = await settleClaim(database, await claimedChunks(database, chunkIds), {
      failed: [transientFailure(unlucky)],
    });
    expect(again.rounds).toMatchObject([
      { status: 'completed_with_errors', settled: [{ id: unlucky, attempts: 2, givenUp: 'exhausted' }] },
    ]);
  });

  test('When a chunk fails in three rounds, then the job ends with errors and the document is partial', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = '', good = ''] = chunkIds;
    for (let round = 1; round <= 3; round += 1) {
      await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [transientFailure(bad)] });
    }
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed_with_errors',
      errorCode: 'EMBEDDING_UNAVAILABLE',
      error: '1 of 2 chunks failed: down',
      processedChunks: 1,
      failedChunks: 1,
      retryCount: 2,
    });
    expect(await documentStatusOf(database, documentId)).toBe('partial');
    expect((await claimedChunks(database, [bad, good])).chunks).toEqual([]);
    expect(await database.chunkAttempts.list(bad)).toHaveLength(3);
    expect(await database.chunkAttempts.list(good)).toHaveLength(0);
  });

  test('When no failed chunk is retryable, then the job ends at once as failed', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: chunkIds.map(permanentFailure) });
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'failed',
      retryCount: 0,
      errorCode: 'EMBEDDING_REJECTED',
    });
    expect(await documentStatusOf(database, documentId)).toBe('failed');
  });

  test('When the provider names a time, then the next attempt waits for it', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const error = new MillraceError('EMBEDDING_RATE_LIMITED', 'slow down', { retryAfterMs: 30_000 });
    const settled = await settleClaim(database, await claimedChunks(database, chunkIds), {
      failed: [{ chunkId, error }],
    });
    const delay = settled.rounds[0]?.retries[0]?.delayMs ?? 0;
    expect(delay).toBeGreaterThan(25_000);
    expect(delay).toBeLessThanOrEqual(30_000);
    // An older delivery that comes late does not shorten the wait. The retry's own delivery ends it.
    expect((await claimedChunks(database, chunkIds)).chunks).toEqual([]);
    expect(
      (await claimChunks(database, { chunkIds, ...testLease, token: newId(), queueJobIds: [`${chunkId}.1`] })).chunks,
    ).toEqual([]);
    expect(
      (await claimChunks(database, { chunkIds, ...testLease, token: newId(), queueJobIds: [`${chunkId}.2`] })).chunks,
    ).toHaveLength(1);
  });

  test('When the job may have no retry rounds, then it ends after the first', async () => {
    const limits = { jobMaxRetries: 0, chunkMaxRetries: 3 };
    const { jobId, chunkIds } = await chunkedDocument(database, 1, limits);
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: chunkIds.map(transientFailure) });
    expect((await jobOf(database, jobId)).status).toBe('failed');
  });

  test('When texts are not kept for retries, then a job still keeps them until its own rounds are over', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = '', good = ''] = chunkIds;
    const removePayloads = () => database.jobChunks.removePayloads({ olderThanMs: 0, limit: 1_000 });
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [transientFailure(bad)] });
    await removePayloads();
    await settleClaim(database, await claimedChunks(database, [good]));
    const again = await claimedChunks(database, [bad]);
    expect(again.chunks[0]?.payload.text).toContain('Chunk 0');
    await settleClaim(database, again, { failed: [permanentFailure(bad)] });
    expect((await jobOf(database, jobId)).status).toBe('completed_with_errors');

    expect(await removePayloads()).toBeGreaterThanOrEqual(1);
    expect(await retryJob(database, jobId, { chunkIds: [bad], force: true }, testActor)).toMatchObject({
      skipped: [{ id: bad, reason: 'payload_expired' }],
    });
  });

  test('When the text of a failed chunk is gone, then it is not tried again', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = '', good = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [transientFailure(bad)] });
    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE id = $1', [bad]);
    const settled = await settleClaim(database, await claimedChunks(database, [good]));
    expect(settled.rounds).toMatchObject([{ status: 'completed_with_errors', retries: [] }]);
    expect(await jobOf(database, jobId)).toMatchObject({ retryCount: 0, failedChunks: 1 });
  });

  test('When pages could not be read, then the document is partial with their commonest code, although every chunk succeeded', async () => {
    const lost = { errorCode: 'PAGE_TIMEOUT' };
    const pages = [
      newPage(1),
      newPage(2, 'failed'),
      { ...newPage(3, 'failed'), ...lost },
      { ...newPage(4, 'failed'), ...lost },
    ];
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1, { pages });
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed_with_errors',
      errorCode: 'PAGE_TIMEOUT',
      error: '3 pages could not be read.',
    });
    expect(await documentStatusOf(database, documentId)).toBe('partial');
  });

  test('When the list of pages of a broken PDF was lost, then the document is partial, although every chunk is stored', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1, { repair: 'PAGES_REBUILT' });
    await settleClaim(database, await claimedChunks(database, chunkIds));
    const cause = { errorCode: 'PDF_PAGES_LOST', error: 'pages of the PDF may be missing.' };
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed_with_errors', ...cause });
    expect(await database.documents.find(documentId)).toMatchObject({ status: 'partial', ...cause });
  });

  test('When only the trailer of a broken PDF was lost, then the document is ready', async () => {
    const { documentId, chunkIds } = await chunkedDocument(database, 1, { repair: 'TRAILER_REBUILT' });
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When failed chunks and pages are retried with success, then the document is partial because of lost pages alone', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1, {
      jobMaxRetries: 3,
      chunkMaxRetries: 1,
      pages: [newPage(1), newPage(2, 'failed')],
      repair: 'PAGES_REBUILT',
    });
    const [bad = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [permanentFailure(bad)] });
    await retryJob(database, jobId, { force: true }, testActor);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await jobOf(database, jobId)).toMatchObject({
      errorCode: 'PAGE_FAILED',
      error: 'pages of the PDF may be missing, 1 page could not be read.',
    });

    const retried = await retryPages(database, jobId, testActor);
    const rereadId = retried?.outcome === 'queued' ? retried.job.jobId : '';
    await storePages(database, await claimedJob(database, rereadId), { pages: [newPage(2, 'empty')], chunks: [] });
    expect((await jobOf(database, rereadId)).status).toBe('completed');
    expect(await database.documents.find(documentId)).toMatchObject({
      status: 'partial',
      errorCode: 'PDF_PAGES_LOST',
      error: 'pages of the PDF may be missing.',
    });
  });
});
