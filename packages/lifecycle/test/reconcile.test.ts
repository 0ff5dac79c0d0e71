import type { Database } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkedDocument,
  claimedChunks,
  createOwnDatabase,
  documentStatusOf,
  firstId,
  hasLockWaits,
  jobOf,
  noBackoff,
  permanentFailure,
  settleClaim,
  testActor,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { cancelJob, findDriftedJobs, reconcileCounters } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());
// Each test looks at all jobs of the database.
beforeEach(() => database.sql.none('DELETE FROM documents'));

const everything = { after: firstId, limit: 1_000, endedWithinMs: 60_000 };
const drifted = async () => (await findDriftedJobs(database, everything)).drifted;
const setJob = (jobId: string, assignments: string) =>
  database.sql.none(`UPDATE jobs SET ${assignments} WHERE id = $1`, [jobId]);

describe('A job that has drifted from its chunks', () => {
  test.each(['processed_chunks = processed_chunks + 1', 'processed_chunks = 0', 'failed_chunks = 2'])(
    'When its counters are wrong before its end (%s), then they are corrected and the job goes on to its end',
    async (wrong) => {
      const { jobId, chunkIds } = await chunkedDocument(database, 4);
      const [bad = '', good = '', ...rest] = chunkIds;
      await settleClaim(database, await claimedChunks(database, [bad, good]), { failed: [permanentFailure(bad)] });
      await setJob(jobId, wrong);
      expect(await drifted()).toEqual([jobId]);
      expect(await reconcileCounters(database, jobId, noBackoff)).toEqual({ reconciled: true, round: null });
      expect(await jobOf(database, jobId)).toMatchObject({
        status: 'processing',
        processedChunks: 1,
        failedChunks: 1,
      });
      expect(await drifted()).toEqual([]);
      await settleClaim(database, await claimedChunks(database, rest));
      expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed_with_errors', processedChunks: 3 });
    },
  );

  test('When its counters are wrong after its end, then it ends again on the right counts', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [permanentFailure(bad)] });
    await setJob(jobId, `processed_chunks = 2, failed_chunks = 0, status = 'completed', error_code = NULL`);
    await database.sql.none(`UPDATE documents SET status = 'ready' WHERE id = $1`, [documentId]);
    expect(await drifted()).toEqual([jobId]);
    expect(await reconcileCounters(database, jobId, noBackoff)).toMatchObject({
      reconciled: true,
      round: { jobId, documentId, status: 'completed_with_errors', retries: [] },
    });
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'completed_with_errors',
      errorCode: 'EMBEDDING_REJECTED',
      processedChunks: 1,
      failedChunks: 1,
      finishedAt: expect.any(Date),
    });
    expect(await documentStatusOf(database, documentId)).toBe('partial');
  });

  test('When all its chunks are settled and it is still processing, then its round is ended', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    await setJob(jobId, `status = 'processing', processed_chunks = 1, finished_at = NULL`);
    await database.sql.none(`UPDATE documents SET status = 'processing' WHERE id = $1`, [documentId]);
    expect(await drifted()).toEqual([jobId]);
    expect((await reconcileCounters(database, jobId, noBackoff)).round?.status).toBe('completed');
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 2 });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When its round is over and some of its failed chunks are retryable, then the next round is scheduled', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const [bad = '', good = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [transientFailure(bad)] });
    // As if the settlement of the last chunk had not been counted.
    await setJob(jobId, 'processed_chunks = -1');
    await settleClaim(database, await claimedChunks(database, [good]));
    expect((await jobOf(database, jobId)).status).toBe('processing');
    expect(await drifted()).toEqual([jobId]);
    expect(await reconcileCounters(database, jobId, noBackoff)).toMatchObject({
      reconciled: true,
      round: { status: 'retrying', retries: [{ chunkId: bad, documentId, queueJobId: `${bad}.2` }] },
    });
    await settleClaim(database, await claimedChunks(database, [bad]));
    expect((await jobOf(database, jobId)).status).toBe('completed');
  });

  test('When it has ended with a chunk still open, then it goes on', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, chunkIds.slice(0, 1)));
    await setJob(jobId, `status = 'completed_with_errors', error_code = 'WORKER_LOST', finished_at = now()`);
    await database.sql.none(`UPDATE documents SET status = 'partial', error_code = 'WORKER_LOST' WHERE id = $1`, [
      documentId,
    ]);
    expect(await drifted()).toEqual([jobId]);
    expect(await reconcileCounters(database, jobId, noBackoff)).toEqual({ reconciled: true, round: null });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'processing', errorCode: null, finishedAt: null });
    expect(await database.documents.find(documentId)).toMatchObject({ status: 'processing', errorCode: null });
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When several reconcile it at once, then one of them does', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    await setJob(jobId, `status = 'processing', processed_chunks = 0, finished_at = NULL`);
    const repairs = await Promise.all(Array.from({ length: 4 }, () => reconcileCounters(database, jobId, noBackoff)));
    expect(repairs.filter(({ reconciled }) => reconciled)).toHaveLength(1);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 2 });
  });

  test('When one of its chunks is settled at the same moment, then reconciling waits for that and counts it', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 3);
    const held = await claimedChunks(database, chunkIds.slice(0, 1));
    await setJob(jobId, 'failed_chunks = 1');
    const both = await database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
      const settling = settleClaim(database, held);
      await waitFor('the settlement to wait for the job', () => hasLockWaits(database, 1));
      const repairing = reconcileCounters(database, jobId, noBackoff);
      await waitFor('the repair to wait for the job as well', () => hasLockWaits(database, 2));
      return { settling, repairing };
    });
    await both.settling;
    expect((await both.repairing).reconciled).toBe(true);
    expect(await jobOf(database, jobId)).toMatchObject({ processedChunks: 1, failedChunks: 0 });
    expect(await drifted()).toEqual([]);
  });

  test('When it was cancelled, then it does not change', async () => {
    const { documentId, jobId } = await chunkedDocument(database, 2);
    await cancelJob(database, jobId, testActor);
    await setJob(jobId, 'failed_chunks = 1');
    expect(await drifted()).toEqual([]);
    expect(await reconcileCounters(database, jobId, noBackoff)).toEqual({ reconciled: false, round: null });
    expect(await documentStatusOf(database, documentId)).toBe('cancelled');
  });

  test('When it ended long ago, then it is no longer checked', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 1);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    await setJob(jobId, `processed_chunks = 0, finished_at = now() - interval '1 hour'`);
    expect(await drifted()).toEqual([]);
  });
});

describe('A job that agrees with its chunks', () => {
  test('When jobs are in every status, then none is reported, and reconciling changes nothing', async () => {
    const { job: queued } = await acceptedDocument(database);
    const fresh = await chunkedDocument(database, 1);
    const held = await chunkedDocument(database, 2);
    await claimedChunks(database, held.chunkIds);
    const retrying = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, retrying.chunkIds), {
      failed: retrying.chunkIds.slice(1).map(transientFailure),
    });
    const completed = await chunkedDocument(database, 1);
    await settleClaim(database, await claimedChunks(database, completed.chunkIds));
    const failed = await chunkedDocument(database, 1);
    await settleClaim(database, await claimedChunks(database, failed.chunkIds), {
      failed: failed.chunkIds.map(permanentFailure),
    });
    const cancelled = await chunkedDocument(database, 2);
    await settleClaim(database, await claimedChunks(database, cancelled.chunkIds.slice(0, 1)));
    await cancelJob(database, cancelled.jobId, testActor);

    expect(await drifted()).toEqual([]);
    const jobIds = [queued.id, ...[fresh, held, retrying, completed, failed, cancelled].map(({ jobId }) => jobId)];
    for (const jobId of jobIds) {
      const before = await jobOf(database, jobId);
      expect(await reconcileCounters(database, jobId, noBackoff)).toEqual({ reconciled: false, round: null });
      expect(await jobOf(database, jobId)).toEqual(before);
    }
  });

  test('When there are more jobs than one call takes, then the next call continues after the last one', async () => {
    const jobs = [await chunkedDocument(database, 1), await chunkedDocument(database, 1)].map(({ jobId }) => jobId);
    const [first = '', second = ''] = jobs;
    await setJob(second, 'failed_chunks = 1');
    const look = await findDriftedJobs(database, { ...everything, limit: 1 });
    expect(look).toEqual({ last: first, drifted: [] });
    const next = await findDriftedJobs(database, { ...everything, after: first, limit: 1 });
    expect(next).toEqual({ last: second, drifted: [second] });
    expect(await findDriftedJobs(database, { ...everything, after: second, limit: 1 })).toEqual({
      last: null,
      drifted: [],
    });
  });

  test('When its chunks are settled while it is checked, then it is never reported, and reconciling changes nothing', async () => {
    const documents = await Promise.all(Array.from({ length: 3 }, () => chunkedDocument(database, 24)));
    let working = true;
    const seen: string[] = [];
    const look = async () => {
      while (working) {
        seen.push(...(await drifted()));
        for (const { jobId } of documents) {
          seen.push(...((await reconcileCounters(database, jobId, noBackoff)).reconciled ? [jobId] : []));
        }
      }
    };
    const work = async () => {
      for (let round = 1; round <= 2; round += 1) {
        await Promise.all(
          documents.map(async ({ chunkIds }) => {
            for (let i = 0; i < chunkIds.length; i += 4) {
              const held = await claimedChunks(database, chunkIds.slice(i, i + 4));
              const failed = held.chunks.slice(0, 1).map((chunk) => transientFailure(chunk.id));
              await settleClaim(database, held, { failed });
            }
          }),
        );
      }
    };
    const looking = [look(), look()];
    await work();
    working = false;
    await Promise.all(looking);
    expect(seen).toEqual([]);
  });
});
