import { MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newJobChunk, waitFor } from '@millrace/test-support';
import {
  accept,
  chunkCounts,
  chunkedDocument,
  claim,
  claimedJob,
  createDatabase,
  isWaiting,
  jobOf,
  leaseMs,
  page,
  policy,
  rejected,
  runOut,
  settle,
  statusOf,
  unavailable,
  worker,
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
  ({ database, dispose } = await createDatabase());
});
afterAll(() => dispose());

const chunked = (count: number) => ({
  title: null,
  pages: [page(1)],
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
    const { document, job } = await accept(database);
    expect(await cancelJob(database, job.id)).toBe('cancelled');
    await expectCancelled(job.id, document.id);
    expect(await claimJob(database, { jobId: job.id, worker, leaseMs })).toEqual({ outcome: 'gone' });
  });

  test('When its document is being read, then the chunker finds its lease gone and stores nothing', async () => {
    const { document, job } = await accept(database);
    const claimed = await claimedJob(database, job.id);
    expect(await cancelJob(database, job.id)).toBe('cancelled');
    await expectCancelled(job.id, document.id);
    expect(await renewJobLease(database, claimed, leaseMs)).toBe(false);
    expect(await storeChunks(database, claimed, chunked(1))).toBeNull();
    expect(await releaseJob(database, claimed)).toBeNull();
    expect(await failJob(database, claimed, new MillraceError('PDF_CORRUPT'))).toBeNull();
    await expectCancelled(job.id, document.id);
  });

  test('When its chunks are being embedded, then what is stored stays and late work changes nothing', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 4);
    const [done = '', bad = '', held = '', waiting = ''] = chunkIds;
    await settle(database, await claim(database, [done, bad]), { failed: [unavailable(bad)] });
    const late = await claim(database, [held]);
    expect(await cancelJob(database, jobId)).toBe('cancelled');
    await expectCancelled(jobId, documentId);
    expect(await chunkCounts(database, jobId)).toEqual({ success: 1, failed: 1, cancelled: 2 });
    expect(await jobOf(database, jobId)).toMatchObject({ processedChunks: 1, failedChunks: 1 });

    expect((await claim(database, [held, waiting])).chunks).toEqual([]);
    expect(await renewChunkLeases(database, { token: late.token, leaseMs })).toBe(0);
    expect(await settle(database, late)).toEqual({ chunkIds: new Set(), rounds: [] });
    expect(await releaseChunks(database, { token: late.token, chunkIds: [held], redeliver: true })).toEqual([]);
    const stored = await database.documentChunks.list(documentId, { after: -1, limit: 10 });
    expect(stored.map((chunk) => chunk.chunkIndex)).toEqual([0]);
    await expectCancelled(jobId, documentId);
  });

  test('When it waits for its next round, then that round does not begin', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 1);
    await settle(database, await claim(database, chunkIds), { failed: chunkIds.map(unavailable) });
    expect((await jobOf(database, jobId)).status).toBe('retrying');
    expect(await cancelJob(database, jobId)).toBe('cancelled');
    await expectCancelled(jobId, documentId);
  });

  test('When it is cancelled again, then the answer is the same and nothing changes', async () => {
    const { jobId } = await chunkedDocument(database, 1);
    await cancelJob(database, jobId);
    const before = await jobOf(database, jobId);
    expect(await cancelJob(database, jobId)).toBe('cancelled');
    expect(await jobOf(database, jobId)).toEqual(before);
  });

  test('When it has ended, then it does not change', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = ''] = chunkIds;
    await settle(database, await claim(database, chunkIds), { failed: [rejected(bad)] });
    const before = await jobOf(database, jobId);
    expect(await cancelJob(database, jobId)).toBe('ended');
    expect(await jobOf(database, jobId)).toEqual(before);
    expect(await statusOf(database, documentId)).toBe('partial');
    expect(await chunkCounts(database, jobId)).toEqual({ success: 1, failed: 1 });

    const { job } = await accept(database);
    await failJob(database, await claimedJob(database, job.id), new MillraceError('PDF_CORRUPT'));
    expect(await cancelJob(database, job.id)).toBe('ended');
  });

  test('When there is no such job, then the answer says so', async () => {
    expect(await cancelJob(database, newId())).toBeNull();
  });
});

describe('Cancelling a job during another transition', () => {
  const times = Array.from({ length: 8 }, (_, i) => i);

  test.each(times)('When its chunks are stored at the same moment (%i), then none of them stays open', async () => {
    const { document, job } = await accept(database);
    const claimed = await claimedJob(database, job.id);
    const [cancelled] = await Promise.all([cancelJob(database, job.id), storeChunks(database, claimed, chunked(20))]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(job.id, document.id);
  });

  test.each(times)('When its chunks are claimed at the same moment (%i), then none of them stays held', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 6);
    const [cancelled, ...claims] = await Promise.all([
      cancelJob(database, jobId),
      ...chunkIds.map((id) => claim(database, [id])),
    ]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(jobId, documentId);
    for (const held of claims) {
      expect((await settle(database, held)).chunkIds.size).toBe(0);
    }
  });

  test.each(times)(
    'When its chunks are settled at the same moment (%i), then it is either cancelled or ended',
    async (i) => {
      const { documentId, jobId, chunkIds } = await chunkedDocument(database, 6);
      const claims = await Promise.all(chunkIds.map((id) => claim(database, [id])));
      const failed = (id: string) => (i % 2 === 0 ? [] : [unavailable(id)]);
      const [cancelled, ...settled] = await Promise.all([
        cancelJob(database, jobId),
        ...claims.map((held) => settle(database, held, { failed: failed(held.chunks[0]?.id ?? '') })),
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
    await claim(database, chunkIds);
    await runOut(database, 'job_chunks', chunkIds);
    const [cancelled] = await Promise.all([
      cancelJob(database, jobId),
      expireLeases(database, { chunkIds }, policy),
      expireLeases(database, { chunkIds }, policy),
    ]);
    expect(cancelled).toBe('cancelled');
    await expectCancelled(jobId, documentId);
  });

  test('When it is retried at the same moment, then the retry waits for the cancelling and retries all of its chunks', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    const [bad = ''] = chunkIds;
    await settle(database, await claim(database, [bad]), { failed: [rejected(bad)] });
    const both = await database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
      const cancelling = cancelJob(database, jobId);
      await waitFor('the cancelling to wait for the job', () => isWaiting(database, 1));
      const retrying = retryJob(database, jobId, { force: true });
      await waitFor('the retry to wait for the job as well', () => isWaiting(database, 2));
      return { cancelling, retrying };
    });
    expect(await both.cancelling).toBe('cancelled');
    expect((await both.retrying)?.chunks.map((chunk) => chunk.chunkId).sort()).toEqual([...chunkIds].sort());
    await settle(database, await claim(database, chunkIds));
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 3, failedChunks: 0 });
    expect(await statusOf(database, documentId)).toBe('ready');
  });
});
