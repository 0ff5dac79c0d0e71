import { type ErrorCode, MillraceError } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import { newJobChunk } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkCounts,
  chunkedDocument,
  chunkOf,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  jobOf,
  newCollection,
  newPage,
  permanentFailure,
  settleClaim,
  testActor,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { type BulkSelection, cancelJob, countRetries, failJob, retryMany, storeChunks } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

const one = { jobMaxRetries: 3, chunkMaxRetries: 1 };

/** A document whose chunks have all failed: the first permanently, the others have used up their attempts. */
async function failedDocument(count: number, collectionId = defaultCollectionId) {
  const made = await chunkedDocument(database, count, { ...one, collectionId });
  const [bad = '', ...worn] = made.chunkIds;
  const failed = [permanentFailure(bad), ...worn.map(transientFailure)];
  await settleClaim(database, await claimedChunks(database, made.chunkIds), { failed });
  return { ...made, bad, worn };
}

/** The same, written directly, for more chunks than can be settled quickly. */
async function hugeFailedDocument(count: number) {
  const made = await chunkedDocument(database, count, { ...one });
  await database.sql.none(
    `UPDATE job_chunks SET status = 'failed', attempts = 1, last_error_code = 'EMBEDDING_UNAVAILABLE',
       updated_at = now() - interval '1 hour'
     WHERE job_id = $1`,
    [made.jobId],
  );
  await database.sql.none(
    `UPDATE jobs SET status = 'failed', failed_chunks = total_chunks, finished_at = now() WHERE id = $1`,
    [made.jobId],
  );
  return made;
}

/** A job that failed before it had chunks. */
async function unreadDocument(code: ErrorCode, collectionId: string): Promise<string> {
  const { job } = await acceptedDocument(database, { collectionId });
  await failJob(database, await claimedJob(database, job.id), new MillraceError(code));
  return job.id;
}

/** The retry with all its deliveries. */
async function retried(selection: BulkSelection) {
  const delivered: string[] = [];
  const deliveredJobs: string[] = [];
  const result = await retryMany(database, selection, {
    request: { collection_id: selection.collectionIds?.[0] },
    actor: testActor,
    deliver: async ({ chunks, jobs }) => {
      delivered.push(...chunks.map((dispatch) => dispatch.chunkId));
      deliveredJobs.push(...jobs.map((dispatch) => dispatch.jobId));
    },
  });
  return { ...result, delivered: delivered.sort(), deliveredJobs };
}

describe('A bulk retry', () => {
  test('When a collection is named, then its failed chunks are scheduled and those of others are not', async () => {
    const collectionId = await newCollection(database);
    const first = await failedDocument(2, collectionId);
    const second = await failedDocument(1, collectionId);
    const other = await failedDocument(1);
    const selection = { collectionIds: [collectionId], force: true };
    expect(await countRetries(database, selection)).toEqual({ scheduled: 3, jobs: 2, jobsRestarted: 0, skipped: [] });
    const result = await retried(selection);
    expect(result).toMatchObject({ groupId: expect.any(String), scheduled: 3, jobs: 2, skipped: [] });
    expect(result.delivered).toEqual([...first.chunkIds, ...second.chunkIds].sort());
    expect(await jobOf(database, first.jobId)).toMatchObject({ status: 'retrying', failedChunks: 0 });
    expect((await jobOf(database, other.jobId)).status).toBe('failed');
    expect(await database.retryGroups.find(result.groupId ?? '')).toMatchObject({
      request: { collection_id: collectionId },
      force: true,
      scheduled: 3,
    });
    expect(await retried(selection)).toMatchObject({ groupId: null, scheduled: 0, jobs: 0, delivered: [] });
  });

  test('When a document and error codes are named, then both conditions must hold', async () => {
    const { documentId, bad } = await failedDocument(3);
    await failedDocument(1);
    const result = await retried({ documentId, errorCodes: ['EMBEDDING_REJECTED'], force: true });
    expect(result.delivered).toEqual([bad]);
  });

  test('When chunks have used up their attempts or lost their texts, then they are counted as skipped', async () => {
    const { documentId, chunkIds, bad } = await failedDocument(3);
    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE id = $1', [bad]);
    const skipped = [
      { reason: 'attempts_exhausted', count: 2 },
      { reason: 'payload_expired', count: 1 },
    ];
    const counted = await countRetries(database, { documentId, force: false });
    expect(counted).toEqual({ scheduled: 0, jobs: 0, jobsRestarted: 0, skipped: expect.arrayContaining(skipped) });
    expect(await retried({ documentId, force: false })).toMatchObject({ groupId: null, scheduled: 0, delivered: [] });
    const forced = await retried({ documentId, force: true });
    expect(forced).toMatchObject({ scheduled: 2, skipped: [{ reason: 'payload_expired', count: 1 }] });
    expect(forced.delivered).toEqual(chunkIds.slice(1).sort());
  });

  test('When times are named, then only chunks that failed between them are scheduled', async () => {
    const { documentId, chunkIds } = await failedDocument(3);
    const [early = '', middle = '', late = ''] = chunkIds;
    const failAt = (id: string, at: string) =>
      database.sql.none('UPDATE job_chunks SET updated_at = $2 WHERE id = $1', [id, at]);
    await failAt(early, '2024-01-01T00:00:00Z');
    await failAt(middle, '2024-01-02T00:00:00Z');
    await failAt(late, '2024-01-03T00:00:00Z');
    const between = {
      documentId,
      failedAfter: new Date('2024-01-02T00:00:00Z'),
      failedBefore: new Date('2024-01-03T00:00:00Z'),
      force: true,
    };
    expect((await countRetries(database, between)).scheduled).toBe(1);
    expect((await retried(between)).delivered).toEqual([middle]);
    expect((await chunkOf(database, late)).status).toBe('failed');
  });

  test('When a job failed before it had chunks, then its document is read again and its chunks belong to the group', async () => {
    const collectionId = await newCollection(database);
    const unread = await unreadDocument('STORAGE_UNAVAILABLE', collectionId);
    const broken = await unreadDocument('PDF_CORRUPT', collectionId);
    const selection = { collectionIds: [collectionId], force: false };
    expect(await retried({ ...selection, errorCodes: ['WORKER_LOST'] })).toMatchObject({ groupId: null });
    expect(await countRetries(database, selection)).toEqual({
      scheduled: 0,
      jobs: 0,
      jobsRestarted: 1,
      skipped: [{ reason: 'original_removed', count: 1 }],
    });
    const result = await retried({ ...selection, errorCodes: ['STORAGE_UNAVAILABLE'] });
    expect(result).toMatchObject({ scheduled: 0, jobsRestarted: 1, deliveredJobs: [unread] });
    const groupId = result.groupId ?? '';
    expect((await jobOf(database, unread)).status).toBe('queued');
    expect((await jobOf(database, broken)).status).toBe('failed');
    expect(await database.retryGroups.isUnderWay(groupId)).toBe(true);
    const document = { title: null, pages: [newPage(1)], chunks: [newJobChunk(0), newJobChunk(1)] };
    await storeChunks(database, await claimedJob(database, unread), document);
    expect(await database.retryGroups.countByStatus(groupId)).toEqual({ pending: 2 });
    expect(await database.retryGroups.isUnderWay(groupId)).toBe(true);
    const chunkIds = document.chunks.map((chunk) => chunk.id);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await database.retryGroups.countByStatus(groupId)).toEqual({ success: 2 });
    expect(await database.retryGroups.countJobsByStatus(groupId)).toEqual({ completed: 1 });
    expect(await database.retryGroups.isUnderWay(groupId)).toBe(false);
    expect(await retried(selection)).toMatchObject({ groupId: null, jobsRestarted: 0 });
  });

  test('When a job was cancelled, then its chunks are not retried, because the request does not name it', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2, { ...one });
    const [bad = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [permanentFailure(bad)] });
    await cancelJob(database, jobId, testActor);
    const selection = { documentId, force: true };
    expect(await countRetries(database, selection)).toEqual({ scheduled: 0, jobs: 0, jobsRestarted: 0, skipped: [] });
    expect(await retried(selection)).toMatchObject({ groupId: null, scheduled: 0 });
    expect((await jobOf(database, jobId)).status).toBe('cancelled');
  });

  test('When there are more chunks than fit one transaction, then all are scheduled, batch by batch', async () => {
    const { documentId, jobId } = await hugeFailedDocument(10_003);
    const batches: number[] = [];
    const result = await retryMany(
      database,
      { documentId, force: true },
      {
        request: {},
        actor: testActor,
        deliver: async ({ chunks }) => {
          batches.push(chunks.length);
        },
      },
    );
    expect(batches.filter((size) => size > 0)).toEqual([10_000, 3]);
    expect(result).toMatchObject({ scheduled: 10_003, jobs: 1 });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', failedChunks: 0 });
    expect(await chunkCounts(database, jobId)).toEqual({ retry_scheduled: 10_003 });
    expect((await database.retryGroups.find(result.groupId ?? ''))?.scheduled).toBe(10_003);
  });

  test('When chunks fail again while the rest is being scheduled, then they are not retried twice', async () => {
    const { documentId, chunkIds } = await hugeFailedDocument(10_001);
    const [again = ''] = chunkIds;
    const seen = new Map<string, number>();
    const result = await retryMany(
      database,
      { documentId, force: true },
      {
        request: {},
        actor: testActor,
        deliver: async ({ chunks }) => {
          for (const { chunkId } of chunks) {
            seen.set(chunkId, (seen.get(chunkId) ?? 0) + 1);
          }
          await settleClaim(database, await claimedChunks(database, [again]), { failed: [permanentFailure(again)] });
        },
      },
    );
    expect(result.scheduled).toBe(10_001);
    expect(new Set(seen.values())).toEqual(new Set([1]));
    expect((await chunkOf(database, again)).status).toBe('failed');
  });

  test('When two request the same at once, then every chunk is scheduled once', async () => {
    const collectionId = await newCollection(database);
    const documents = [await failedDocument(4, collectionId), await failedDocument(4, collectionId)];
    const results = await Promise.all(
      Array.from({ length: 3 }, () => retried({ collectionIds: [collectionId], force: true })),
    );
    expect(results.flatMap((result) => result.delivered).sort()).toEqual(
      documents.flatMap((document) => document.chunkIds).sort(),
    );
    for (const { jobId } of documents) {
      expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', retryCount: 1, failedChunks: 0 });
    }
  });
});
