import { MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import {
  acceptedDocument,
  chunkedDocument,
  chunkOf,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  firstId,
  jobOf,
  noBackoff,
  settleClaim,
  testActor,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { deleteDocument, redispatchChunks, redispatchJobs, retryReading } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

/** Returns the given ids that the reconciler would find waiting. */
async function waiting(ids: readonly string[]) {
  const place = { after: firstId, olderThanMs: 0, limit: 1_000 };
  const rows = [...(await database.jobs.listWaiting(place)), ...(await database.jobChunks.listWaiting(place))];
  return rows.filter((row) => ids.includes(row.id));
}

describe('A lost delivery of a chunk', () => {
  test('When the chunk still waits, then it gets another one under a new id', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    const lost = await waiting(chunkIds.slice(0, 1));
    expect(lost).toEqual([{ id: chunkIds[0], queue: 'chunks', queueJobId: `${chunkIds[0]}.1`, dispatchCount: 1 }]);
    expect(await redispatchChunks(database, lost)).toMatchObject([
      { chunkId: chunkIds[0], jobId, documentId, chunkIndex: 0, queueJobId: `${chunkIds[0]}.2`, delayMs: 0 },
    ]);
    expect(await chunkOf(database, chunkIds[0] ?? '')).toMatchObject({
      status: 'pending',
      attempts: 0,
      queueJobId: `${chunkIds[0]}.2`,
    });
    expect((await chunkOf(database, chunkIds[1] ?? '')).queueJobId).toBe(`${chunkIds[1]}.1`);
  });

  test('When two find it lost at once, then one delivery is made', async () => {
    const { chunkIds } = await chunkedDocument(database, 3);
    const lost = await waiting(chunkIds);
    const made = await Promise.all(Array.from({ length: 4 }, () => redispatchChunks(database, lost)));
    expect(made.flat().map((dispatch) => dispatch.queueJobId)).toHaveLength(3);
    expect(await redispatchChunks(database, lost)).toEqual([]);
  });

  test('When the chunk has been claimed, settled or deleted in the meantime, then nothing is done', async () => {
    const held = await chunkedDocument(database, 1);
    const settled = await chunkedDocument(database, 1);
    const deleted = await chunkedDocument(database, 1);
    const lost = await waiting([held, settled, deleted].flatMap(({ chunkIds }) => chunkIds));
    expect(lost).toHaveLength(3);
    await claimedChunks(database, held.chunkIds);
    await settleClaim(database, await claimedChunks(database, settled.chunkIds));
    await deleteDocument(database, deleted.documentId, testActor);
    expect(await redispatchChunks(database, lost)).toEqual([]);
    expect((await chunkOf(database, held.chunkIds[0] ?? '')).queueJobId).toBe(`${held.chunkIds[0]}.1`);
  });

  test('When the chunk waits for its next round, then the new delivery waits as well', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    const error = new MillraceError('EMBEDDING_RATE_LIMITED', 'slow down', { retryAfterMs: 30_000 });
    await settleClaim(database, await claimedChunks(database, chunkIds), {
      failed: [{ ...transientFailure(chunkId), error }],
    });
    const [dispatch] = await redispatchChunks(database, await waiting(chunkIds));
    expect(dispatch).toMatchObject({ queueJobId: `${chunkId}.3` });
    expect(dispatch?.delayMs).toBeGreaterThan(20_000);
    expect(dispatch?.delayMs).toBeLessThanOrEqual(30_000);
  });

  test('When nothing is lost, then nothing is done', async () => {
    expect(await redispatchChunks(database, [])).toEqual([]);
    expect(await redispatchJobs(database, [])).toEqual([]);
  });
});

describe('A lost delivery of a job', () => {
  test('When the job is still queued, then it gets another one, once', async () => {
    const { document, job } = await acceptedDocument(database);
    const lost = await waiting([job.id]);
    const made = await Promise.all(Array.from({ length: 4 }, () => redispatchJobs(database, lost)));
    expect(made.flat()).toEqual([
      {
        jobId: job.id,
        documentId: document.id,
        collectionId: document.collectionId,
        queueJobId: `${job.id}.2`,
        delayMs: 0,
      },
    ]);
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'queued', attempts: 0, dispatchCount: 2 });
  });

  test('When the job is being read, then nothing is done', async () => {
    const { job } = await acceptedDocument(database);
    const lost = await waiting([job.id]);
    await claimedJob(database, job.id);
    expect(await redispatchJobs(database, lost)).toEqual([]);
    expect((await jobOf(database, job.id)).dispatchCount).toBe(1);
  });

  test('When the job waits to be read again later, then the new delivery waits as well', async () => {
    const { job } = await acceptedDocument(database);
    const error = new MillraceError('STORAGE_UNAVAILABLE', 'later', { retryAfterMs: 30_000 });
    await retryReading(database, await claimedJob(database, job.id), error, noBackoff);
    const [dispatch] = await redispatchJobs(database, await waiting([job.id]));
    expect(dispatch?.queueJobId).toBe(`${job.id}.3`);
    expect(dispatch?.delayMs).toBeGreaterThan(20_000);
  });
});
