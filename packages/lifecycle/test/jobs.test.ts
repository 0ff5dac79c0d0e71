import { MillraceError, newId } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import { newJobChunk, testReading } from '@millrace/test-support';
import {
  acceptedDocument,
  claimedJob,
  createOwnDatabase,
  documentStatusOf,
  jobOf,
  letLeasesExpire,
  newCollection,
  newPage,
  noBackoff,
  testActor,
  testLease,
} from '@millrace/test-support/lifecycle';
import {
  acceptDocument,
  cancelJob,
  claimJob,
  clampLeases,
  deleteDocument,
  expireJobLeases,
  failJob,
  releaseJob,
  renewJobLease,
  retryReading,
  storeChunks,
} from '../src';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

const full = new MillraceError('STORAGE_UNAVAILABLE', 'the disk is full');
const leaseOf = async (jobId: string) => (await jobOf(database, jobId)).leaseExpiresAt?.getTime() ?? 0;

describe('A job', () => {
  test('When it is claimed, then it is chunking, its document processing, and no other chunker can claim it', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    expect(claimed).toMatchObject({ documentId: document.id, chunkMaxRetries: 3, attempts: 1 });
    expect((await jobOf(database, job.id)).status).toBe('chunking');
    expect(await documentStatusOf(database, document.id)).toBe('processing');
    expect(await claimJob(database, { jobId: job.id, worker: 'another', leaseMs: testLease.leaseMs })).toEqual({
      outcome: 'leased',
      until: expect.any(Date),
    });
    expect(await renewJobLease(database, claimed, testLease.leaseMs)).toBe(true);
  });

  test('When many claim it at once, then exactly one gets it', async () => {
    const { job } = await acceptedDocument(database);
    const claims = await Promise.all(
      Array.from({ length: 10 }, () => claimJob(database, { jobId: job.id, ...testLease })),
    );
    expect(claims.filter((claim) => claim.outcome === 'claimed')).toHaveLength(1);
  });

  test('When its collection has as many documents in hand as it may have, then it waits and others do not', async () => {
    const collectionId = await newCollection(database);
    const [first, second] = [
      await acceptedDocument(database, { collectionId }),
      await acceptedDocument(database, { collectionId }),
    ];
    const claim = (jobId: string) => claimJob(database, { jobId, ...testLease, maxInCollection: 1 });
    expect((await claim(first.jobId)).outcome).toBe('claimed');
    expect(await claim(second.jobId)).toEqual({ outcome: 'full' });
    expect(
      (await claim((await acceptedDocument(database, { collectionId: await newCollection(database) })).jobId)).outcome,
    ).toBe('claimed');
    expect((await jobOf(database, second.jobId)).status).toBe('queued');
    await cancelJob(database, first.jobId, testActor);
    expect((await claim(second.jobId)).outcome).toBe('claimed');
  });

  test('When its lease is renewed, then the deadline moves and the work is not lost', async () => {
    const { job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    const before = await leaseOf(job.id);
    expect(await renewJobLease(database, claimed, 10 * testLease.leaseMs)).toBe(true);
    expect(await leaseOf(job.id)).toBeGreaterThan(before + 8 * testLease.leaseMs);
  });

  test('When it is released, then it is queued with a new delivery, and the attempt does not count', async () => {
    const { job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    expect(await releaseJob(database, claimed)).toEqual({
      jobId: job.id,
      documentId: job.documentId,
      collectionId: defaultCollectionId,
      queueJobId: `${job.id}.2`,
      delayMs: 0,
    });
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'queued', attempts: 0, leaseExpiresAt: null });
    expect(await releaseJob(database, claimed)).toBeNull();
  });

  test('When its lease has expired, then another chunker claims it and the late one stores nothing', async () => {
    const { document, job } = await acceptedDocument(database);
    const late = await claimedJob(database, job.id);
    await letLeasesExpire(database, 'jobs', [job.id]);
    const next = await claimedJob(database, job.id);

    const chunked = { title: null, pages: [newPage(1)], chunks: [newJobChunk(0)] };
    expect(await storeChunks(database, late, chunked)).toBeNull();
    expect(await renewJobLease(database, late, testLease.leaseMs)).toBe(false);
    expect(await releaseJob(database, late)).toBeNull();
    expect(await retryReading(database, late, full, noBackoff)).toBeNull();
    expect(await failJob(database, late, new MillraceError('PDF_CORRUPT'))).toBeNull();
    expect(await database.documentPages.list(document.id, { after: 0, limit: 10 })).toEqual([]);

    const [chunk] = chunked.chunks;
    expect(await storeChunks(database, next, chunked)).toEqual([
      {
        queue: 'chunks',
        chunkId: chunk?.id,
        jobId: job.id,
        documentId: document.id,
        collectionId: document.collectionId,
        chunkIndex: 0,
        queueJobId: `${chunk?.id}.1`,
        delayMs: 0,
      },
    ]);
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'processing', totalChunks: 1 });
  });

  test('When as many chunkers have died as it may have attempts, then it fails with WORKER_LOST', async () => {
    const { document, job } = await acceptedDocument(database, { jobMaxRetries: 3, chunkMaxRetries: 2 });
    for (let chunker = 1; chunker <= 2; chunker += 1) {
      await claimedJob(database, job.id);
      await letLeasesExpire(database, 'jobs', [job.id]);
    }
    expect(await claimJob(database, { jobId: job.id, ...testLease })).toEqual({ outcome: 'gone' });
    expect(await jobOf(database, job.id)).toMatchObject({
      status: 'failed',
      errorCode: 'WORKER_LOST',
      error: '2 chunkers stopped while they read this document.',
    });
    expect(await documentStatusOf(database, document.id)).toBe('failed');
  });

  test('When the input is bad, then job and document fail with the code, and the original is to be removed', async () => {
    const { document, job } = await acceptedDocument(database);
    const claimed = await claimedJob(database, job.id);
    const failed = await failJob(database, claimed, new MillraceError('DOCUMENT_NO_TEXT'), [newPage(1, 'empty')]);
    expect(failed).toEqual({ sourcePath: `originals/${document.id}` });
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'failed', errorCode: 'DOCUMENT_NO_TEXT' });
    expect(await database.documents.find(document.id)).toMatchObject({ status: 'failed', sourcePath: null });
    expect(await database.documentPages.list(document.id, { after: 0, limit: 10 })).toHaveLength(1);
    expect(await claimJob(database, { jobId: job.id, ...testLease })).toEqual({ outcome: 'gone' });
  });

  test('When no page that can be read holds text, then the original stays, because a later reading may succeed', async () => {
    const { document, job } = await acceptedDocument(database);
    const pages = [newPage(1, 'failed'), newPage(2, 'empty')];
    const failed = await failJob(database, await claimedJob(database, job.id), new MillraceError('PAGE_FAILED'), pages);
    expect(failed).toEqual({ sourcePath: null });
    expect((await database.documents.find(document.id))?.sourcePath).toBe(`originals/${document.id}`);
  });

  test('When it fails with a transient fault, then the original stays for a retry', async () => {
    const { document, job } = await acceptedDocument(database);
    expect(await failJob(database, await claimedJob(database, job.id), full)).toEqual({ sourcePath: null });
    expect(await database.documents.find(document.id)).toMatchObject({
      status: 'failed',
      errorCode: 'STORAGE_UNAVAILABLE',
      sourcePath: `originals/${document.id}`,
    });
  });
});

describe('A job whose reading is retried after a transient fault', () => {
  test('When it is queued again, then its delivery comes later, it shows the cause, and the attempt counts', async () => {
    const { document, job } = await acceptedDocument(database);
    const dispatch = await retryReading(database, await claimedJob(database, job.id), full, { backoffMs: 1_000 });
    expect(dispatch).toMatchObject({ jobId: job.id, documentId: document.id, queueJobId: `${job.id}.2` });
    expect(dispatch?.delayMs).toBeGreaterThanOrEqual(500);
    expect(dispatch?.delayMs).toBeLessThanOrEqual(1_500);
    expect(await jobOf(database, job.id)).toMatchObject({
      status: 'queued',
      attempts: 1,
      leaseExpiresAt: null,
      errorCode: 'STORAGE_UNAVAILABLE',
      error: 'the disk is full',
    });
    expect(await documentStatusOf(database, document.id)).toBe('processing');
  });

  test('When it is queued once more, then the wait doubles', async () => {
    const { job } = await acceptedDocument(database);
    await retryReading(database, await claimedJob(database, job.id), full, noBackoff);
    const dispatch = await retryReading(database, await claimedJob(database, job.id), full, { backoffMs: 1_000 });
    expect(dispatch?.delayMs).toBeGreaterThanOrEqual(1_000);
    expect(dispatch?.delayMs).toBeLessThanOrEqual(3_000);
  });

  test('When the fault names a time, then the delivery waits for it', async () => {
    const { job } = await acceptedDocument(database);
    const error = new MillraceError('STORAGE_UNAVAILABLE', 'later', { retryAfterMs: 40_000 });
    const dispatch = await retryReading(database, await claimedJob(database, job.id), error, noBackoff);
    expect(dispatch?.delayMs).toBe(40_000);
  });

  test('When the document is read in the end, then it no longer shows the fault', async () => {
    const { job } = await acceptedDocument(database);
    await retryReading(database, await claimedJob(database, job.id), full, noBackoff);
    const chunked = { title: null, pages: [newPage(1)], chunks: [newJobChunk(0)] };
    expect(await storeChunks(database, await claimedJob(database, job.id), chunked)).toHaveLength(1);
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'processing', errorCode: null, error: null });
  });
});

describe('Leases of jobs that have expired', () => {
  // Each test looks at all jobs of the database.
  beforeEach(() => database.sql.none('DELETE FROM documents'));

  test('When attempts are left, then the job is queued again, and a job that is still held is not', async () => {
    const { document, job } = await acceptedDocument(database);
    const held = await acceptedDocument(database);
    await claimedJob(database, held.job.id);
    await claimedJob(database, job.id);
    await letLeasesExpire(database, 'jobs', [job.id]);
    expect(await expireJobLeases(database, 10)).toEqual({
      expired: 1,
      dispatches: [
        {
          jobId: job.id,
          documentId: document.id,
          collectionId: defaultCollectionId,
          queueJobId: `${job.id}.2`,
          delayMs: 0,
        },
      ],
    });
    expect(await jobOf(database, job.id)).toMatchObject({ status: 'queued', attempts: 1, leaseExpiresAt: null });
    expect((await jobOf(database, held.job.id)).status).toBe('chunking');
    expect(await expireJobLeases(database, 10)).toEqual({ expired: 0, dispatches: [] });
  });

  test('When the attempts are used up, then job and document fail with WORKER_LOST', async () => {
    const { document, job } = await acceptedDocument(database, { jobMaxRetries: 3, chunkMaxRetries: 2 });
    await claimedJob(database, job.id);
    await letLeasesExpire(database, 'jobs', [job.id]);
    expect((await expireJobLeases(database, 10)).dispatches).toHaveLength(1);
    await claimedJob(database, job.id);
    await letLeasesExpire(database, 'jobs', [job.id]);
    expect(await expireJobLeases(database, 10)).toEqual({ expired: 1, dispatches: [] });
    expect(await jobOf(database, job.id)).toMatchObject({
      status: 'failed',
      errorCode: 'WORKER_LOST',
      error: '2 chunkers stopped while they read this document.',
      leaseExpiresAt: null,
      finishedAt: expect.any(Date),
    });
    expect(await documentStatusOf(database, document.id)).toBe('failed');
  });

  test('When there are more than requested, then the next call ends the rest', async () => {
    const jobs = [
      await acceptedDocument(database),
      await acceptedDocument(database),
      await acceptedDocument(database),
    ].map(({ job }) => job.id);
    for (const jobId of jobs) {
      await claimedJob(database, jobId);
    }
    await letLeasesExpire(database, 'jobs', jobs);
    expect((await expireJobLeases(database, 2)).expired).toBe(2);
    expect((await expireJobLeases(database, 2)).expired).toBe(1);
  });

  test('When several look for them at once, then each job is queued once', async () => {
    const jobs = await Promise.all(Array.from({ length: 6 }, () => acceptedDocument(database)));
    await Promise.all(jobs.map(({ job }) => claimedJob(database, job.id)));
    await letLeasesExpire(
      database,
      'jobs',
      jobs.map(({ job }) => job.id),
    );
    const found = await Promise.all(Array.from({ length: 4 }, () => expireJobLeases(database, 10)));
    const dispatched = found.flatMap(({ dispatches }) => dispatches.map(({ queueJobId }) => queueJobId));
    expect(dispatched.sort()).toEqual(jobs.map(({ job }) => `${job.id}.2`).sort());
  });

  test('When a wrong clock has written a far deadline, then it is moved to one lease from now, and others do not change', async () => {
    const { job } = await acceptedDocument(database);
    const right = await acceptedDocument(database);
    await claimedJob(database, job.id);
    await claimedJob(database, right.job.id);
    const before = await jobOf(database, right.job.id);
    await database.sql.none(`UPDATE jobs SET lease_expires_at = now() + interval '1 year' WHERE id = $1`, [job.id]);
    expect(await clampLeases(database, { leaseMs: testLease.leaseMs, limit: 100 })).toBe(1);
    const pulledIn = (await jobOf(database, job.id)).leaseExpiresAt?.getTime() ?? 0;
    expect(pulledIn).toBeLessThan(Date.now() + 2 * testLease.leaseMs);
    expect(await jobOf(database, right.job.id)).toEqual(before);
    expect(await clampLeases(database, { leaseMs: testLease.leaseMs, limit: 100 })).toBe(0);
  });
});

describe('The same upload twice', () => {
  test('When both come at the same moment, then one document and one job are made', async () => {
    const first = await acceptedDocument(database);
    const options = () => ({ jobId: newId(), jobMaxRetries: 3, chunkMaxRetries: 3, reading: testReading });
    await deleteDocument(database, first.document.id, testActor);
    const accepted = await Promise.all(
      Array.from({ length: 8 }, () => acceptDocument(database, { ...first.document, id: newId() }, options())),
    );
    expect(accepted.filter((result) => !result.duplicate)).toHaveLength(1);
    expect(new Set(accepted.map((result) => result.document.id)).size).toBe(1);
    expect(new Set(accepted.map((result) => result.job.id)).size).toBe(1);
  });
});
