import { randomUUID } from 'node:crypto';
import { type ErrorCode, MillraceError, retryGroupSchema, retryResponseSchema } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { cancelJob, failJob } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { waitFor } from '@millrace/test-support';
import {
  acceptedDocument,
  type ChunkedDocument,
  chunkedDocument,
  claimAndSettle,
  claimedJob,
  endedDocument,
  testActor,
} from '@millrace/test-support/lifecycle';
import { rowsOf } from './rows';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
let queues: Queues;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
  queues = await api.openQueues();
});
afterAll(() => api.stop());

const post = (jobId: string, body?: object) => {
  const request = api.client.post(`/api/v1/jobs/${jobId}/chunks/retry`);
  return body ? request.send(body) : request;
};

/** Sends a retry that schedules at least one chunk. */
async function retry(jobId: string, body?: object) {
  const response = await post(jobId, body);
  expect(response.status).toBe(202);
  const answer = retryResponseSchema.parse(response.body);
  expect(answer.links.self).toBe(`/api/v1/retries/${answer.group_id}`);
  return answer;
}

const groupOf = async (id: string | null) =>
  retryGroupSchema.parse((await api.client.get(`/api/v1/retries/${id}`)).body);
const jobOf = async (id: string) => (await api.client.get(`/api/v1/jobs/${id}`)).body;
const documentOf = async (id: string) => (await api.client.get(`/api/v1/documents/${id}`)).body;
const idAt = (work: ChunkedDocument, index: number) => work.chunkIds[index] ?? '';
const delivered = (id: string) => waitFor(`the delivery ${id}`, async () => (await queues.chunks.getJob(id)) && true);

describe("Retrying a job's chunks", () => {
  test('When nothing is named, then all failed chunks are scheduled and delivered, and job and document continue', async () => {
    const work = await endedDocument(database, 4, { failures: { 1: 'EMBEDDING_REJECTED', 3: 'EMBEDDING_TIMEOUT' } });
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'completed_with_errors', failed_chunks: 2 });
    const answer = await retry(work.jobId);
    expect(answer).toMatchObject({ scheduled: 2, skipped: [], job_restarted: false });
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'retrying', failed_chunks: 0, error: null });
    expect(await documentOf(work.documentId)).toMatchObject({ status: 'processing', error: null, missing: null });
    await delivered(`${idAt(work, 1)}.2`);
    await delivered(`${idAt(work, 3)}.2`);
    expect(await groupOf(answer.group_id)).toMatchObject({
      request: { job_id: work.jobId },
      force: false,
      scheduled: 2,
      summary: { total: 2, retry_scheduled: 2 },
      done: false,
    });

    await claimAndSettle(database, work.chunkIds);
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'completed', processed_chunks: 4, failed_chunks: 0 });
    expect(await documentOf(work.documentId)).toMatchObject({ status: 'ready', missing: null });
    expect(await groupOf(answer.group_id)).toMatchObject({ summary: { total: 2, success: 2 }, done: true });
    const { body } = await api.client.get(`/api/v1/jobs/${work.jobId}/chunks/${idAt(work, 1)}`);
    expect(body.retry_group_id).toBe(answer.group_id);
    expect(body.history).toMatchObject([
      { attempt: 1, outcome: 'failed', retry_group_id: null },
      { attempt: 2, outcome: 'success', retry_group_id: answer.group_id },
    ]);
  });

  test('When the body is an empty object, then all failed chunks are scheduled', async () => {
    const { jobId } = await endedDocument(database, 2, { failures: { 0: 'EMBEDDING_REJECTED' } });
    expect(await retry(jobId, {})).toMatchObject({ scheduled: 1 });
  });

  test('When error codes are named, then only chunks that failed with them are scheduled', async () => {
    const work = await endedDocument(database, 3, { failures: { 0: 'EMBEDDING_REJECTED', 1: 'EMBEDDING_TIMEOUT' } });
    expect(await retry(work.jobId, { error_codes: ['EMBEDDING_TIMEOUT'] })).toMatchObject({
      scheduled: 1,
      skipped: [],
    });
    const { chunks } = await rowsOf(database, work);
    expect(chunks.map((chunk) => (chunk as { status: string }).status)).toEqual([
      'failed',
      'retry_scheduled',
      'success',
    ]);
  });

  test('When chunks are named, then each one that is not scheduled is skipped with a reason', async () => {
    const work = await chunkedDocument(database, 6, { jobMaxRetries: 0, chunkMaxRetries: 1 });
    const [good = '', busy = '', other = '', expired = '', exhausted = '', wanted = ''] = work.chunkIds;
    await claimAndSettle(
      database,
      work.chunkIds.filter((id) => id !== busy),
      {
        [other]: 'EMBEDDING_TIMEOUT',
        [expired]: 'EMBEDDING_REJECTED',
        [exhausted]: 'EMBEDDING_REJECTED',
        [wanted]: 'EMBEDDING_REJECTED',
      },
    );
    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE id = $1', [expired]);
    await database.sql.none('UPDATE job_chunks SET max_retries = 2 WHERE id = $1', [wanted]);
    const unknown = randomUUID();
    const answer = await retry(work.jobId, {
      chunk_ids: [...work.chunkIds, unknown],
      error_codes: ['EMBEDDING_REJECTED'],
    });
    expect(answer.scheduled).toBe(1);
    const skipped = Object.fromEntries(
      answer.skipped.map(({ reason, count, chunk_ids }) => [reason, [count, chunk_ids]]),
    );
    expect(skipped).toEqual({
      not_found: [1, [unknown]],
      succeeded: [1, [good]],
      in_progress: [1, [busy]],
      other_error_code: [1, [other]],
      attempts_exhausted: [1, [exhausted]],
      payload_expired: [1, [expired]],
    });
    const { body } = await api.client.get(`/api/v1/jobs/${work.jobId}/chunks/${wanted}`);
    expect(body.status).toBe('retry_scheduled');
  });

  test('When more than a hundred chunks are skipped, then all are counted and a hundred are named', async () => {
    const work = await endedDocument(database, 130);
    const { status, body } = await post(work.jobId, { chunk_ids: work.chunkIds });
    expect([status, body.group_id, body.links.self]).toEqual([200, null, undefined]);
    expect(body.skipped).toMatchObject([{ reason: 'succeeded', count: 130 }]);
    expect(body.skipped[0].chunk_ids).toHaveLength(100);
  });

  test('When the attempts are used up, then only force gives the chunk another, and if that fails it stays failed', async () => {
    const work = await endedDocument(database, 2, { failures: { 1: 'EMBEDDING_TIMEOUT' }, chunkMaxRetries: 1 });
    const refused = await post(work.jobId);
    expect(refused).toMatchObject({
      status: 200,
      body: { group_id: null, scheduled: 0, skipped: [{ reason: 'attempts_exhausted', chunk_ids: [idAt(work, 1)] }] },
    });
    const { group_id } = await retry(work.jobId, { force: true });
    await claimAndSettle(database, work.chunkIds, { [idAt(work, 1)]: 'EMBEDDING_TIMEOUT' });
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'completed_with_errors', failed_chunks: 1 });
    expect(await groupOf(group_id)).toMatchObject({ force: true, summary: { failed: 1, total: 1 }, done: true });
    const { body } = await api.client.get(`/api/v1/jobs/${work.jobId}/chunks/${idAt(work, 1)}`);
    expect(body).toMatchObject({ attempts: 2, max_retries: 2, history: [{ attempt: 1 }, { attempt: 2 }] });
  });

  test('When a retried chunk fails and its job has rounds left, then the retry is not done', async () => {
    const work = await chunkedDocument(database, 2, { jobMaxRetries: 3 });
    await claimAndSettle(database, [idAt(work, 0)], { [idAt(work, 0)]: 'EMBEDDING_REJECTED' });
    const { group_id } = await retry(work.jobId);
    await claimAndSettle(database, [idAt(work, 0)], { [idAt(work, 0)]: 'EMBEDDING_TIMEOUT' });
    expect(await groupOf(group_id)).toMatchObject({ summary: { failed: 1 }, done: false });
    await claimAndSettle(database, [idAt(work, 1)]);
    expect(await groupOf(group_id)).toMatchObject({ summary: { retry_scheduled: 1 }, done: false });
    await claimAndSettle(database, work.chunkIds);
    expect(await groupOf(group_id)).toMatchObject({ summary: { success: 1 }, done: true });
  });

  test('When successes are named with force, then they do not change', async () => {
    const work = await endedDocument(database, 3, { failures: { 2: 'EMBEDDING_REJECTED' } });
    const before = await rowsOf(database, work);
    const answer = await retry(work.jobId, { chunk_ids: work.chunkIds, force: true });
    expect(answer).toMatchObject({ scheduled: 1, skipped: [{ reason: 'succeeded', count: 2 }] });
    const after = await rowsOf(database, work);
    expect(after.stored).toEqual(before.stored);
    expect(after.chunks.slice(0, 2)).toEqual(before.chunks.slice(0, 2));
  });

  test('When ids are written in capitals, then they name the same chunks', async () => {
    const work = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    const answer = await retry(work.jobId, { chunk_ids: [idAt(work, 0).toUpperCase()] });
    expect(answer).toMatchObject({ scheduled: 1, skipped: [] });
  });

  test('When many retries come at once, then each chunk is scheduled once', async () => {
    const failures = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, 'EMBEDDING_REJECTED' as ErrorCode]));
    const work = await endedDocument(database, 21, { failures });
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(work.jobId, { chunk_ids: work.chunkIds })));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 202]);
    expect(answers.map((answer) => answer.body.scheduled).reduce((sum, count) => sum + count, 0)).toBe(20);
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'retrying', retry_count: 1, failed_chunks: 0 });
  });

  test('When nothing has failed, then nothing is scheduled', async () => {
    for (const work of [
      await endedDocument(database, 1),
      await chunkedDocument(database, 1),
      await acceptedDocument(database),
    ]) {
      expect(await post(work.jobId)).toMatchObject({
        status: 200,
        body: { group_id: null, scheduled: 0, skipped: [], job_restarted: false },
      });
    }
  });
});

describe('Retrying a job that failed before it had chunks', () => {
  test('When its original is kept, then it is read again, and the retry is done when the job has ended', async () => {
    const work = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, work.jobId), new MillraceError('STORAGE_UNAVAILABLE', 'Away'));
    expect(await documentOf(work.documentId)).toMatchObject({ status: 'failed' });
    const answer = await retry(work.jobId);
    expect(answer).toMatchObject({ scheduled: 0, skipped: [], job_restarted: true });
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'queued', error: null, finished_at: null });
    expect(await documentOf(work.documentId)).toMatchObject({ status: 'queued', error: null });
    await waitFor('the delivery', async () => (await queues.documents.getJob(`${work.jobId}.2`)) && true);
    expect(await groupOf(answer.group_id)).toMatchObject({ scheduled: 0, summary: { total: 0 }, done: false });
    await claimedJob(database, work.jobId);
    await cancelJob(database, work.jobId, testActor);
    expect(await groupOf(answer.group_id)).toMatchObject({ done: true });
  });

  test('When other error codes are named, then the job does not change', async () => {
    const work = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, work.jobId), new MillraceError('STORAGE_UNAVAILABLE', 'Away'));
    expect(await post(work.jobId, { error_codes: ['WORKER_LOST'] })).toMatchObject({
      status: 200,
      body: { group_id: null, job_restarted: false },
    });
    expect(await retry(work.jobId, { error_codes: ['STORAGE_UNAVAILABLE'] })).toMatchObject({ job_restarted: true });
  });

  test('When its original is gone, then JOB_NOT_RETRYABLE says to upload it again', async () => {
    const work = await acceptedDocument(database);
    await failJob(database, await claimedJob(database, work.jobId), new MillraceError('PDF_CORRUPT', 'Broken'));
    const response = await post(work.jobId);
    expect(response).toMatchObject({ status: 409, body: { code: 'JOB_NOT_RETRYABLE', retryable: false } });
    expect(response.body.detail).toContain('Broken');
    expect(response.body.advice).toContain('upload');
    expect(await jobOf(work.jobId)).toMatchObject({ status: 'failed', error: { code: 'PDF_CORRUPT' } });
  });
});

describe('An invalid retry', () => {
  test.each([
    ['no object', [], ''],
    ['no chunks', { chunk_ids: [] }, 'chunk_ids'],
    ['a chunk that is no id', { chunk_ids: ['nonsense'] }, 'chunk_ids.0'],
    ['too many chunks', { chunk_ids: Array(10_001).fill(randomUUID()) }, 'chunk_ids'],
    ['no error codes', { error_codes: [] }, 'error_codes'],
    ['an invalid error code', { error_codes: ['a\0b'] }, 'error_codes.0'],
    ['a force that is text', { force: 'yes' }, 'force'],
    ['an unknown field', { chunks: [] }, ''],
  ])('When it has %s, then REQUEST_INVALID names the field', async (_what, body, path) => {
    const work = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    const before = await rowsOf(database, work);
    expect(await post(work.jobId, body)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', errors: [{ path }] },
    });
    expect(await rowsOf(database, work)).toEqual(before);
  });

  test('When its body is not JSON or malformed, then it is refused', async () => {
    const { jobId } = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    expect(await post(jobId).type('text/plain').send('all')).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', detail: expect.stringContaining('application/json') },
    });
    expect(await post(jobId).type('application/json').send('{"force": tru')).toMatchObject({
      status: 400,
      body: { code: 'JSON_MALFORMED' },
    });
    expect(await post(jobId, { chunk_ids: ['x'.repeat(600_000)] })).toMatchObject({
      status: 413,
      body: { code: 'PAYLOAD_TOO_LARGE' },
    });
  });

  test.each([randomUUID(), 'nonsense'])('When the job is %s, then JOB_NOT_FOUND', async (id) => {
    expect(await post(id)).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });

  test.each([randomUUID(), 'nonsense'])('When the retry group is %s, then RETRY_NOT_FOUND', async (id) => {
    expect(await api.client.get(`/api/v1/retries/${id}`)).toMatchObject({
      status: 404,
      body: { code: 'RETRY_NOT_FOUND' },
    });
  });

  test('When it comes with another method, then METHOD_NOT_ALLOWED', async () => {
    const { jobId } = await acceptedDocument(database);
    expect((await api.client.get(`/api/v1/jobs/${jobId}/chunks/retry`)).headers.allow).toBe('POST');
  });
});
