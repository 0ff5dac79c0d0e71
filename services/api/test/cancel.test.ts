import { randomUUID } from 'node:crypto';
import { jobSchema, MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { claimChunks, failJob, settleChunks, storeChunks } from '@millrace/lifecycle';
import { newJobChunk, unitVector } from '@millrace/test-support';
import {
  acceptedDocument,
  type ChunkedDocument,
  chunkedDocument,
  claimAndSettle,
  claimedJob,
  endedDocument,
} from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const post = (jobId: string) => api.client.post(`/api/v1/jobs/${jobId}/cancel`);
const get = async (path: string) => (await api.client.get(`/api/v1/${path}`)).body;

/** Cancels the job, and checks that job and document are cancelled. */
async function cancel(work: Omit<ChunkedDocument, 'chunkIds'>): Promise<void> {
  const response = await post(work.jobId);
  expect(response.status).toBe(200);
  expect(jobSchema.parse(response.body)).toMatchObject({
    id: work.jobId,
    status: 'cancelled',
    progress: 1,
    error: { code: 'CANCELLED' },
    finished_at: expect.any(String),
  });
  expect(await get(`documents/${work.documentId}`)).toMatchObject({
    status: 'cancelled',
    error: { code: 'CANCELLED' },
  });
}

const retry = (jobId: string, body: object = {}) => api.client.post(`/api/v1/jobs/${jobId}/chunks/retry`).send(body);

describe('Cancelling a job', () => {
  test('When the job is queued, then it ends and no chunker can claim it', async () => {
    const work = await acceptedDocument(database);
    await cancel(work);
    await expect(claimedJob(database, work.jobId)).rejects.toThrow('gone');
  });

  test('When the document is being read, then the chunks that were read are not stored', async () => {
    const work = await acceptedDocument(database);
    const job = await claimedJob(database, work.jobId);
    await cancel(work);
    expect(await storeChunks(database, job, { title: null, pages: [], chunks: [newJobChunk(0)] })).toBeNull();
    expect(await get(`jobs/${work.jobId}/chunks`)).toMatchObject({ summary: { total: 0 } });
  });

  test('When the job is being processed, then its unsettled chunks are cancelled and stored chunks stay', async () => {
    const work = await chunkedDocument(database, 4);
    const [done = '', failed = '', busy = '', waiting = ''] = work.chunkIds;
    await claimAndSettle(database, [done, failed], { [failed]: 'EMBEDDING_REJECTED' });
    const claim = await claimChunks(database, { chunkIds: [busy], worker: 'test-worker', leaseMs: 60_000 });
    await cancel(work);
    expect(await get(`jobs/${work.jobId}/chunks`)).toMatchObject({ summary: { success: 1, failed: 1, cancelled: 2 } });
    expect((await get(`documents/${work.documentId}`)).missing).toMatchObject({
      chunk_count: 3,
      chunks: [{ id: failed, error_code: 'EMBEDDING_REJECTED' }, { id: busy }, { id: waiting }],
    });

    const late = { token: claim.token, failed: [], embeddingModel: 'test-model', claimedTexts: [] };
    const embedded = claim.chunks.map((chunk) => ({ chunk, embedding: unitVector(1) }));
    const settled = await settleChunks(database, { ...late, embedded }, { backoffMs: 0 });
    expect(settled.chunkIds.size).toBe(0);
    expect((await get(`documents/${work.documentId}/chunks`)).chunks).toHaveLength(1);
  });

  test('When the job waits for a retry round, then it ends', async () => {
    const work = await chunkedDocument(database, 1);
    await claimAndSettle(database, work.chunkIds, { [work.chunkIds[0] ?? '']: 'EMBEDDING_TIMEOUT' });
    expect(await get(`jobs/${work.jobId}`)).toMatchObject({ status: 'retrying' });
    await cancel(work);
  });

  test('When the job is already cancelled, then the answer is the same again', async () => {
    const work = await chunkedDocument(database, 2);
    await cancel(work);
    const before = await get(`jobs/${work.jobId}`);
    await cancel(work);
    expect(await get(`jobs/${work.jobId}`)).toEqual(before);
  });

  test('When the job has ended in another way, then JOB_ENDED and nothing changes', async () => {
    const unreadable = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, unreadable.jobId), new MillraceError('PDF_CORRUPT'));
    const ended = [
      [await endedDocument(database, 1), 'completed'],
      [await endedDocument(database, 2, { failures: { 0: 'EMBEDDING_REJECTED' } }), 'completed_with_errors'],
      [unreadable, 'failed'],
    ] as const;
    for (const [{ jobId }, status] of ended) {
      const response = await post(jobId);
      expect(response).toMatchObject({ status: 409, body: { code: 'JOB_ENDED' } });
      expect(response.body.detail).toContain(status);
      expect(await get(`jobs/${jobId}`)).toMatchObject({ status });
    }
  });

  test('When the document is deleted or cancelled at the same moment, then no request gets a server error', async () => {
    for (let round = 0; round < 10; round += 1) {
      const work = await chunkedDocument(database, 3);
      const answers = await Promise.all([
        post(work.jobId),
        api.client.delete(`/api/v1/documents/${work.documentId}`),
        claimAndSettle(database, work.chunkIds).then(() => ({ status: 200 })),
        post(work.jobId),
      ]);
      expect(answers.filter(({ status }) => ![200, 204, 404, 409].includes(status))).toEqual([]);
    }
  });
});

describe('Retrying a cancelled job', () => {
  test('When the whole job is retried, then it continues with its cancelled chunks', async () => {
    const work = await chunkedDocument(database, 3);
    await claimAndSettle(database, work.chunkIds.slice(0, 1));
    await cancel(work);
    expect(await retry(work.jobId)).toMatchObject({ status: 202, body: { scheduled: 2, job_restarted: false } });
    await claimAndSettle(database, work.chunkIds);
    expect(await get(`jobs/${work.jobId}`)).toMatchObject({ status: 'completed', processed_chunks: 3, error: null });
    expect(await get(`documents/${work.documentId}`)).toMatchObject({ status: 'ready', error: null, missing: null });
  });

  test('When some of its chunks are retried, then the job ends and the document names the others as missing', async () => {
    const work = await chunkedDocument(database, 3);
    const [first = '', second = '', third = ''] = work.chunkIds;
    await cancel(work);
    expect(await retry(work.jobId, { chunk_ids: [first] })).toMatchObject({ status: 202, body: { scheduled: 1 } });
    await claimAndSettle(database, work.chunkIds);
    expect(await get(`jobs/${work.jobId}`)).toMatchObject({
      status: 'completed_with_errors',
      processed_chunks: 1,
      failed_chunks: 2,
      error: { code: 'CANCELLED' },
    });
    expect(await get(`documents/${work.documentId}`)).toMatchObject({
      status: 'partial',
      missing: { chunks: [second, third].map((id) => ({ id, error_code: 'CANCELLED' })) },
    });
    expect(await retry(work.jobId)).toMatchObject({ status: 202, body: { scheduled: 2 } });
    await claimAndSettle(database, work.chunkIds);
    expect(await get(`documents/${work.documentId}`)).toMatchObject({ status: 'ready' });
  });

  test('When the job was cancelled before it had chunks, then its document is read again', async () => {
    const work = await acceptedDocument(database);
    await cancel(work);
    expect(await retry(work.jobId)).toMatchObject({ status: 202, body: { scheduled: 0, job_restarted: true } });
    expect(await get(`documents/${work.documentId}`)).toMatchObject({ status: 'queued', error: null });
    expect((await claimedJob(database, work.jobId)).jobId).toBe(work.jobId);
  });
});

describe('An invalid cancellation', () => {
  test.each([randomUUID(), 'nonsense'])('When the job is %s, then JOB_NOT_FOUND', async (id) => {
    expect(await post(id)).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  test('When the body is not an empty object, then REQUEST_INVALID and nothing is cancelled', async () => {
    const { jobId } = await acceptedDocument(database);
    for (const body of [{ force: true }, []]) {
      expect(await post(jobId).send(body)).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    }
    expect(await post(jobId).type('text/plain').send('x')).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
    expect(await post(jobId).type('application/json').send('{')).toMatchObject({
      status: 400,
      body: { code: 'JSON_MALFORMED' },
    });
    expect(await get(`jobs/${jobId}`)).toMatchObject({ status: 'queued' });
    expect((await post(jobId).send({})).status).toBe(200);
  });
});
