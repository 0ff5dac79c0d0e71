import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk, waitFor } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkCounts,
  chunkedDocument,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  hasLockWaits,
  jobOf,
  letLeasesExpire,
  newPage,
  noBackoff,
  permanentFailure,
  settleClaim,
  testActor,
  testLease,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import {
  cancelJob,
  claimJob,
  expireLeases,
  failJob,
  releaseChunks,
  releaseJob,
  renewChunkLeases,
  renewJobLease,
  retryJob,
  storeChunks,
} from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

const chunked = (count: number) => ({
  title: null,
  pages: [newPage(1)],
  chunks: Array.from({ length: count }, (_, i) => newJobChunk(i)),
});

async function expectCancelled(jobId: string, documentId: string): Promise<void> {
  expect(await jobOf(database, jobId)).toMatchObject({
    status: 'cancelled',
    errorCode: 'CANCELLED',
    leaseExpiresAt: null,
    finishedAt: expect.any(Date),
  });
  expect(await database.documents.find(documentId)).toMatchObject({ status: 'cancelled', errorCode: 'CANCELLED' });
  const { pending, processing, retry_scheduled } = await chunkCounts(database, jobId);
  expect({ pending, processing, retry_scheduled }).toEqual({});
}

describe('Cancelling a job', () => {
  test('When it is queued, then it ends, and its delivery finds nothing to do', async () => {
    const { document, job } = await acceptedDocument(database);
    expect(await cancelJob(database, job.id, testActor)).toBe('cancelled');
    await expectCancelled(job.id, document.id);
    expect(await claimJob(database, { jobId: job.id, ...testLease })).toEqual({ outcome: 'gone' });
  });

  test('When its document is being read, then the chunker finds its lease gone and stores nothing', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    expect(await cancelJob(database, job.id, testActor)).toBe('cancelled');
    await expectCancelled(job.id, document.id);
    expect(await renewJobLease(database, claimed, testLease.leaseMs)).toBe(false);
    expect(await storeChunks(database, claimed, chunked(1))).toBeNull();
    expect(await releaseJob(database, claimed)).toBeNull();
    expect(await failJob(database, claimed, new MillraceError('PDF_CORRUPT'))).toBeNull();
    await expectCancelled(job.id, document.id);
  });

  test('When its chunks are being embedded, then what is stored stays and late work changes nothing', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 4);
    const [done = '', bad = '', held = '', waiting = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [done, bad]), { failed: [transientFailure(bad)] });
    const late = await claimedChunks(database, [held]);
    expect(await cancelJob(database, jobId, testActor)).toBe('cancelled');
    await expectCancelled(jobId, documentId);
    expect(await chunkCounts(database, jobId)).toEqual({ success: 1, failed: 1, cancelled: 2 });
    expect(await jobOf(database, jobId)).toMatchObject({ processedChunks: 1, failedChunks: 1 });

    expect((await claimedChunks(database, [held, waiting])).chunks).toEqual([]);
    expect(await renewChunkLeases(database, { token: late.token, leaseMs: testLease.leaseMs })).toBe(0);
    expect(await settleClaim(database, late)).toEqual({ chunkIds: new Set(), rounds: [] });
    expect(await releaseChunks(database, { token: late.token, chunkIds: [held], redeliver: true })).toEqual([]);
    const stored = await database.documentChunks.list(documentId, { after: -1, limit: 10 });
    expect(stored.map((chunk) => chunk.chunkIndex)).toEqual([0]);
    await expectCancelled(jobId, documentId);
  });

  test('When it waits for its next round, then that round does not begin', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1);
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: chunkIds.map(transientFailure) });
    expect((await jobOf(database, jobId)).status).toBe('retrying');
    expect(await cancelJob(database, jobId, testActor)).toBe('cancelled');
    await expectCancelled(jobId, documentId);
  });

  test('When it is cancelled again, then the answer is the same and nothing changes', async () => {
    const { jobId } = await chunkedDocument(database, 1);
    await cancelJob(database, jobId, testActor);
    const before = await jobOf(database, jobId);
    expect(await cancelJob(database, jobId, testActor)).toBe('cancelled');
    expect(await jobOf(database, jobId)).toEqual(before);
  });

  test('When it has ended, then it does not change', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [permanentFailure(bad)] });
    const before = await jobOf(database, jobId);
    expect(await cancelJob(database, jobId, testActor)).toBe('ended');
    expect(await jobOf(database, jobId)).toEqual(before);
    expect(await documentStatusOf(database, documentId)).toBe('partial');
    expect(await chunkCounts(database, jobId)).toEqual({ success: 1, failed: 1 });

    const { job } = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, job.id), new MillraceError('PDF_CORRUPT'));
    expect(await cancelJob(database, job.id, testActor)).toBe('ended');
  });

  test('When there is no such job, then the answer says so', async () => {
    expect(await cancelJob(database, newId(), testActor)).toBeNull();
  });
});

describe('Cancelling a job during another transition', () => {
  const times = Array.from({ length: 8 }, (_, i) => i);

  test.each(times)('When its chunks are stored at the same moment (%i), then none of them stays open', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    const [cancelled] = await Promise.all([
      cancelJob(database, job.id, testActor),
      storeChunks(database, claimed, chunked(20)),
    ]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(job.id, document.id);
  });

  test.each(times)('When its chunks are claimed at the same moment (%i), then none of them stays held', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 6);
    const [cancelled, ...claims] = await Promise.all([
      cancelJob(database, jobId, testActor),
      ...chunkIds.map((id) => claimedChunks(database, [id])),
    ]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(jobId, documentId);
    for (const held of claims) {
      expect((await settleClaim(database, held)).chunkIds.size).toBe(0);
    }
  });

  test.each(times)(
    'When its chunks are settled at the same moment (%i), then it is either cancelled or ended',
    async (i) => {
      const { documentId, jobId, chunkIds } = await chunkedDocument(database, 6);
      const claims = await Promise.all(chunkIds.map((id) => claimedChunks(database, [id])));
      const failed = (id: string) => (i % 2 === 0 ? [] : [transientFailure(id)]);
      const [cancelled, ...settled] = await Promise.all([
        cancelJob(database, jobId, testActor),
        ...claims.map((held) => settleClaim(database, held, { failed: failed(held.chunks[0]?.id ?? '') })),
      ]);
      const stored = (await chunkCounts(database, jobId)).success ?? 0;
      expect(stored).toBe(i % 2 === 0 ? settled.filter((each) => each.chunkIds.size > 0).length : 0);
      expect((await jobOf(database, jobId)).processedChunks).toBe(stored);
      if (cancelled === 'cancelled') {
        await expectCancelled(jobId, documentId);
      } else {
        expect((await jobOf(database, jobId)).status).toBe('completed');
      }
    },
  );

  test.each(times)('When its leases expire at the same moment (%i), then nothing is scheduled again', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 4);
    await claimedChunks(database, chunkIds);
    await letLeasesExpire(database, 'job_chunks', chunkIds);
    const [cancelled] = await Promise.all([
      cancelJob(database, jobId, testActor),
      expireLeases(database, { chunkIds }, noBackoff),
      expireLeases(database, { chunkIds }, noBackoff),
    ]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(jobId, documentId);
  });

  test('When it is retried at the same moment, then the retry waits for the cancelling and retries all of its chunks', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const [bad = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [permanentFailure(bad)] });
    const both = await database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
      const cancelling = cancelJob(database, jobId, testActor);
      await waitFor('the cancelling to wait for the job', () => hasLockWaits(database, 1));
      const retrying = retryJob(database, jobId, { force: true }, testActor);
      await waitFor('the retry to wait for the job as well', () => hasLockWaits(database, 2));
      return { cancelling, retrying };
    });
    expect(await both.cancelling).toBe('cancelled');
    expect((await both.retrying)?.chunks.map((chunk) => chunk.chunkId).sort()).toEqual([...chunkIds].sort());
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 3, failedChunks: 0 });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });
});
