import { MillraceError, newId } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import {
  acceptedDocument,
  chunkedDocument,
  chunkOf,
  claimedChunks,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  jobOf,
  permanentFailure,
  settleClaim,
  testActor,
  transientFailure,
} from '@millrace/test-support/lifecycle';
import { cancelJob, failJob, retryJob } from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

const one = { jobMaxRetries: 3, chunkMaxRetries: 1 };

/** A job that has ended. Its first chunk has failed permanently, its second has used up its attempts, its third is stored. */
async function endedJob() {
  const made = await chunkedDocument(database, 3, { ...one });
  const [bad = '', worn = '', good = ''] = made.chunkIds;
  await settleClaim(database, await claimedChunks(database, made.chunkIds), {
    failed: [permanentFailure(bad), transientFailure(worn)],
  });
  return { ...made, bad, worn, good };
}

describe('Retrying the chunks of a job', () => {
  test('When a failed chunk is retried with force, then its job goes on and ends complete', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2, { ...one });
    const [bad = '', good = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: [permanentFailure(bad)] });
    const before = await chunkOf(database, good);

    const retried = await retryJob(database, jobId, { force: true }, testActor);
    expect(retried).toMatchObject({
      groupId: expect.any(String),
      chunks: [{ chunkId: bad, jobId, documentId, chunkIndex: 0, queueJobId: `${bad}.2`, delayMs: 0 }],
      job: null,
      skipped: [],
    });
    expect(await jobOf(database, jobId)).toMatchObject({
      status: 'retrying',
      retryCount: 1,
      processedChunks: 1,
      failedChunks: 0,
      errorCode: null,
      error: null,
      finishedAt: null,
    });
    expect(await database.documents.find(documentId)).toMatchObject({ status: 'processing', errorCode: null });

    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('ready');
    expect(await chunkOf(database, good)).toEqual(before);
    expect(await database.chunkAttempts.list(bad)).toMatchObject([
      { attempt: 1, round: 1, outcome: 'failed', retryGroupId: null },
      { attempt: 2, round: 2, outcome: 'success', retryGroupId: retried?.groupId },
    ]);
  });

  test('When the retry has a group, then the group shows the request and its progress', async () => {
    const { jobId, chunkIds, bad } = await endedJob();
    const request = { chunkIds: [bad], errorCodes: ['EMBEDDING_REJECTED'], force: true };
    const groupId = (await retryJob(database, jobId, request, testActor))?.groupId ?? '';
    expect(await database.retryGroups.find(groupId)).toMatchObject({
      request: { job_id: jobId, chunk_ids: [bad], error_codes: ['EMBEDDING_REJECTED'] },
      force: true,
      scheduled: 1,
    });
    expect(await database.retryGroups.countByStatus(groupId)).toEqual({ retry_scheduled: 1 });
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await database.retryGroups.countByStatus(groupId)).toEqual({ success: 1 });
  });

  test('When a chunk has used up its attempts, then it is skipped, and with force it gets one more', async () => {
    const { jobId, worn } = await endedJob();
    const ids = { chunkIds: [worn] };
    expect(await retryJob(database, jobId, { ...ids, force: false }, testActor)).toEqual({
      groupId: null,
      chunks: [],
      job: null,
      skipped: [{ id: worn, reason: 'attempts_exhausted' }],
    });
    expect((await jobOf(database, jobId)).status).toBe('completed_with_errors');

    expect((await retryJob(database, jobId, { ...ids, force: true }, testActor))?.chunks).toHaveLength(1);
    expect(await chunkOf(database, worn)).toMatchObject({ status: 'retry_scheduled', attempts: 1, maxRetries: 2 });
    const settled = await settleClaim(database, await claimedChunks(database, [worn]), {
      failed: [transientFailure(worn)],
    });
    expect(settled.rounds).toMatchObject([{ status: 'completed_with_errors', retries: [] }]);
  });

  test('When chunks are named that cannot be retried, then each is skipped with its reason', async () => {
    const { jobId, bad, worn, good } = await endedJob();
    const unfinished = await chunkedDocument(database, 1);
    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE id = $1', [worn]);
    const [foreign = ''] = unfinished.chunkIds;
    const chunkIds = [bad, worn, good, foreign, foreign];
    const retried = await retryJob(
      database,
      jobId,
      { chunkIds, errorCodes: ['EMBEDDING_UNAVAILABLE'], force: true },
      testActor,
    );
    expect(retried?.chunks).toEqual([]);
    expect(retried?.skipped).toHaveLength(4);
    expect(new Map(retried?.skipped.map(({ id, reason }) => [id, reason]))).toEqual(
      new Map([
        [bad, 'other_error_code'],
        [worn, 'payload_expired'],
        [good, 'succeeded'],
        [foreign, 'not_found'],
      ]),
    );
    expect(await retryJob(database, unfinished.jobId, { chunkIds: [foreign], force: true }, testActor)).toMatchObject({
      chunks: [],
      skipped: [{ id: foreign, reason: 'in_progress' }],
    });
  });

  test('When no chunk is named, then all failed chunks are retried, or those with the given error codes', async () => {
    const { jobId, bad, worn } = await endedJob();
    const retried = await retryJob(database, jobId, { errorCodes: ['EMBEDDING_UNAVAILABLE'], force: true }, testActor);
    expect(retried?.chunks.map((chunk) => chunk.chunkId)).toEqual([worn]);
    expect(retried?.skipped).toEqual([]);
    const rest = await retryJob(database, jobId, { force: true }, testActor);
    expect(rest?.chunks.map((chunk) => chunk.chunkId)).toEqual([bad]);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', retryCount: 2, failedChunks: 0 });
  });

  test('When the job has not ended, then the failed chunk is retried in it', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2, { ...one });
    const [bad = '', slow = ''] = chunkIds;
    const held = await claimedChunks(database, [slow]);
    await settleClaim(database, await claimedChunks(database, [bad]), { failed: [permanentFailure(bad)] });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'processing', failedChunks: 1 });

    expect((await retryJob(database, jobId, { force: true }, testActor))?.chunks).toHaveLength(1);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'processing', failedChunks: 0 });
    expect((await settleClaim(database, held)).rounds).toMatchObject([{ status: 'processing' }]);
    expect((await settleClaim(database, await claimedChunks(database, [bad]))).rounds).toMatchObject([
      { status: 'completed' },
    ]);
  });

  test('When two request the same at once, then every chunk is scheduled once', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 8, { ...one });
    await settleClaim(database, await claimedChunks(database, chunkIds), { failed: chunkIds.map(permanentFailure) });
    const retried = await Promise.all(
      Array.from({ length: 4 }, () => retryJob(database, jobId, { force: true }, testActor)),
    );
    expect(retried.flatMap((each) => each?.chunks ?? [])).toHaveLength(8);
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', retryCount: 1, failedChunks: 0 });
  });

  test('When there is no such job, then the answer says so', async () => {
    expect(await retryJob(database, newId(), { force: true }, testActor)).toBeNull();
  });
});

describe('Retrying a cancelled job', () => {
  test('When all its chunks are retried, then it goes on where it was', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    await settleClaim(database, await claimedChunks(database, chunkIds.slice(0, 1)));
    await cancelJob(database, jobId, testActor);
    const retried = await retryJob(database, jobId, { force: false }, testActor);
    expect(retried?.chunks.map((chunk) => chunk.chunkId)).toEqual(chunkIds.slice(1));
    expect(await documentStatusOf(database, documentId)).toBe('processing');
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When only some of its chunks are retried, then it ends with those, and the document is partial', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 3);
    await cancelJob(database, jobId, testActor);
    await retryJob(database, jobId, { chunkIds: chunkIds.slice(0, 1), force: false }, testActor);
    const settled = await settleClaim(database, await claimedChunks(database, chunkIds));
    expect(settled.rounds).toMatchObject([{ status: 'completed_with_errors', retries: [] }]);
    expect(await jobOf(database, jobId)).toMatchObject({
      errorCode: 'CANCELLED',
      error: '2 of 3 chunks failed: The job was cancelled.',
      processedChunks: 1,
      failedChunks: 2,
    });
    expect(await database.jobChunks.countByErrorCode(jobId)).toEqual([{ code: 'CANCELLED', count: 2 }]);
    expect(await documentStatusOf(database, documentId)).toBe('partial');

    await retryJob(database, jobId, { force: false }, testActor);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed');
    expect(await documentStatusOf(database, documentId)).toBe('ready');
  });

  test('When error codes are named, then cancelled chunks are not retried', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 3);
    const [failed = '', cancelled = ''] = chunkIds;
    await settleClaim(database, await claimedChunks(database, [failed]), { failed: [transientFailure(failed)] });
    await cancelJob(database, jobId, testActor);
    const errorCodes = ['EMBEDDING_UNAVAILABLE'];
    const named = await retryJob(database, jobId, { chunkIds: [cancelled], errorCodes, force: false }, testActor);
    expect(named?.skipped).toEqual([{ id: cancelled, reason: 'other_error_code' }]);
    const retried = await retryJob(database, jobId, { errorCodes, force: false }, testActor);
    expect(retried?.chunks.map((chunk) => chunk.chunkId)).toEqual([failed]);
    await settleClaim(database, await claimedChunks(database, chunkIds));
    expect((await jobOf(database, jobId)).status).toBe('completed_with_errors');
  });
});

describe('Retrying a job that has no chunks yet', () => {
  const full = new MillraceError('STORAGE_UNAVAILABLE', 'the disk is full');

  test('When its document could not be read because of a transient fault, then it is read again from the beginning', async () => {
    const { document, job } = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, job.id), full);
    expect(await retryJob(database, job.id, { force: false }, testActor)).toEqual({
      groupId: expect.any(String),
      chunks: [],
      job: {
        jobId: job.id,
        documentId: document.id,
        collectionId: defaultCollectionId,
        queueJobId: `${job.id}.2`,
        delayMs: 0,
      },
      skipped: [],
    });
    expect(await jobOf(database, job.id)).toMatchObject({
      status: 'queued',
      attempts: 0,
      retryCount: 1,
      errorCode: null,
      finishedAt: null,
    });
    expect(await documentStatusOf(database, document.id)).toBe('queued');
    expect((await claimedJob(database, job.id)).attempts).toBe(1);
  });

  test('When it was cancelled, then it is read again', async () => {
    const { document, job } = await acceptedDocument(database);
    await cancelJob(database, job.id, testActor);
    expect((await retryJob(database, job.id, { force: false }, testActor))?.job).toMatchObject({ jobId: job.id });
    expect(await documentStatusOf(database, document.id)).toBe('queued');
  });

  test('When its original is gone, or another error code is named, or chunks are named, then it is not restarted', async () => {
    const bad = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, bad.job.id), new MillraceError('PDF_CORRUPT'));
    expect(await retryJob(database, bad.job.id, { force: true }, testActor)).toMatchObject({
      groupId: null,
      job: null,
    });

    const { job } = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, job.id), full);
    const errorCodes = ['WORKER_LOST'];
    expect(await retryJob(database, job.id, { errorCodes, force: true }, testActor)).toMatchObject({
      groupId: null,
      job: null,
    });
    const id = newId();
    expect(await retryJob(database, job.id, { chunkIds: [id], force: true }, testActor)).toMatchObject({
      groupId: null,
      job: null,
      skipped: [{ id, reason: 'not_found' }],
    });
    expect((await jobOf(database, job.id)).status).toBe('failed');
    expect(
      await retryJob(database, job.id, { errorCodes: ['STORAGE_UNAVAILABLE'], force: false }, testActor),
    ).toMatchObject({
      job: { jobId: job.id },
    });
  });

  test('When it waits or is being read, then nothing changes', async () => {
    const { job } = await acceptedDocument(database);
    expect(await retryJob(database, job.id, { force: true }, testActor)).toMatchObject({ groupId: null, job: null });
    await claimedJob(database, job.id);
    expect(await retryJob(database, job.id, { force: true }, testActor)).toMatchObject({ groupId: null, job: null });
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'chunking', retryCount: 0 });
  });

  test('When it is retried often while it runs, then other chunks keep all of their rounds', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 2);
    const [poisoned = '', unlucky = ''] = chunkIds;
    for (let n = 0; n < 3; n += 1) {
      await settleClaim(database, await claimedChunks(database, [poisoned]), { failed: [permanentFailure(poisoned)] });
      await retryJob(database, jobId, { chunkIds: [poisoned], force: true }, testActor);
    }
    await settleClaim(database, await claimedChunks(database, [poisoned]), { failed: [permanentFailure(poisoned)] });
    await settleClaim(database, await claimedChunks(database, [unlucky]), { failed: [transientFailure(unlucky)] });
    expect(await chunkOf(database, unlucky)).toMatchObject({ status: 'retry_scheduled' });
    expect(await jobOf(database, jobId)).toMatchObject({ status: 'retrying', retryCount: 4, maxRetries: 6 });
  });
});
