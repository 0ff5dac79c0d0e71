import { randomUUID } from 'node:crypto';
import { bulkRetryResponseSchema, MillraceError, retryGroupSchema } from '@millrace/contracts';
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
  newCollection,
  testActor,
} from '@millrace/test-support/lifecycle';
import { everything, rowsOf } from './rows';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
let queues: Queues;
let collectionId: string;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
  queues = await api.openQueues();
});
beforeEach(async () => {
  collectionId = await newCollection(database);
});
afterAll(() => api.stop());

const post = (body: unknown) => api.client.post('/api/v1/retries').send(body as object);

async function retry(body: unknown, status = 202) {
  const response = await post(body);
  expect(response.status).toBe(status);
  return bulkRetryResponseSchema.parse(response.body);
}

const groupOf = async (id: string | null) =>
  retryGroupSchema.parse((await api.client.get(`/api/v1/retries/${id}`)).body);

/** Gives the indexes of the job's scheduled chunks. */
async function scheduledOf(work: ChunkedDocument): Promise<number[]> {
  const { chunks } = await rowsOf(database, work);
  return (chunks as { chunk_index: number; status: string }[])
    .filter((chunk) => chunk.status === 'retry_scheduled')
    .map((chunk) => chunk.chunk_index);
}

const failures = { 0: 'EMBEDDING_REJECTED', 2: 'EMBEDDING_TIMEOUT' } as const;

describe('Retrying in bulk', () => {
  test('When a collection is named, then the failed chunks of its documents are scheduled and no others', async () => {
    const first = await endedDocument(database, 3, { failures, collectionId });
    const second = await endedDocument(database, 3, { failures, collectionId });
    const elsewhere = await endedDocument(database, 3, { failures });
    const before = await rowsOf(database, elsewhere);
    const answer = await retry({ collection_id: collectionId });
    expect(answer).toMatchObject({ dry_run: false, scheduled: 4, jobs: 2, skipped: [] });
    expect(answer.links.self).toBe(`/api/v1/retries/${answer.group_id}`);
    expect([await scheduledOf(first), await scheduledOf(second)]).toEqual([
      [0, 2],
      [0, 2],
    ]);
    expect(await rowsOf(database, elsewhere)).toEqual(before);
    for (const { jobId, documentId } of [first, second]) {
      expect((await api.client.get(`/api/v1/jobs/${jobId}`)).body.status).toBe('retrying');
      expect((await api.client.get(`/api/v1/documents/${documentId}`)).body.status).toBe('processing');
    }
  });

  test('When a document and a code are named as well, then all conditions must hold', async () => {
    const wanted = await endedDocument(database, 3, { failures, collectionId });
    const sibling = await endedDocument(database, 3, { failures, collectionId });
    const answer = await retry({
      collection_id: collectionId,
      document_id: wanted.documentId,
      error_codes: ['EMBEDDING_TIMEOUT', 'WORKER_LOST'],
    });
    expect(answer).toMatchObject({ scheduled: 1, jobs: 1 });
    expect([await scheduledOf(wanted), await scheduledOf(sibling)]).toEqual([[2], []]);
  });

  test('When only codes are named, then chunks of all collections are scheduled', async () => {
    const here = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_DIMENSION_MISMATCH' }, collectionId });
    const there = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_DIMENSION_MISMATCH' } });
    expect(await retry({ error_codes: ['EMBEDDING_DIMENSION_MISMATCH'] })).toMatchObject({ scheduled: 2, jobs: 2 });
    expect([await scheduledOf(here), await scheduledOf(there)]).toEqual([[0], [0]]);
  });

  test('When times are named, then chunks that failed from the first time on and before the second are scheduled', async () => {
    const work = await endedDocument(database, 4, {
      failures: { 0: 'EMBEDDING_REJECTED', 1: 'EMBEDDING_REJECTED', 2: 'EMBEDDING_REJECTED', 3: 'EMBEDDING_REJECTED' },
      collectionId,
    });
    for (const [index, time] of ['09:59:59', '10:00:00', '10:59:59', '11:00:00'].entries()) {
      await database.sql.none('UPDATE job_chunks SET updated_at = $1 WHERE id = $2', [
        `2026-01-01T${time}Z`,
        work.chunkIds[index],
      ]);
    }
    const answer = await retry({
      collection_id: collectionId,
      failed_after: '2026-01-01T10:00:00Z',
      failed_before: '2026-01-01T12:00:00+01:00',
    });
    expect(answer.scheduled).toBe(2);
    expect(await scheduledOf(work)).toEqual([1, 2]);
    expect((await groupOf(answer.group_id)).request).toEqual({
      collection_id: collectionId,
      failed_after: '2026-01-01T10:00:00.000Z',
      failed_before: '2026-01-01T11:00:00.000Z',
    });
  });

  test('When it is a dry run, then it counts the same chunks and changes nothing', async () => {
    await endedDocument(database, 3, { failures, collectionId });
    const exhausted = await endedDocument(database, 2, {
      failures: { 1: 'EMBEDDING_TIMEOUT' },
      collectionId,
      chunkMaxRetries: 1,
    });
    const before = await everything(database);
    const dry = await retry({ collection_id: collectionId, dry_run: true }, 200);
    expect(dry).toEqual({
      dry_run: true,
      group_id: null,
      scheduled: 2,
      jobs: 1,
      jobs_restarted: 0,
      skipped: [{ reason: 'attempts_exhausted', count: 1 }],
      links: {},
    });
    expect(await retry({ collection_id: collectionId, dry_run: true, force: true }, 200)).toMatchObject({
      scheduled: 3,
      jobs: 2,
      skipped: [],
    });
    expect(await everything(database)).toEqual(before);
    const { scheduled, jobs, skipped } = await retry({ collection_id: collectionId });
    expect({ scheduled, jobs, skipped }).toEqual({ scheduled: dry.scheduled, jobs: dry.jobs, skipped: dry.skipped });
    expect(await scheduledOf(exhausted)).toEqual([]);
  });

  test('When a text is no longer kept or the attempts are used up, then the chunk is skipped and counted', async () => {
    const work = await endedDocument(database, 3, {
      failures: { 0: 'EMBEDDING_TIMEOUT', 1: 'EMBEDDING_TIMEOUT', 2: 'EMBEDDING_TIMEOUT' },
      collectionId,
      chunkMaxRetries: 1,
    });
    await database.sql.none('UPDATE job_chunks SET payload = NULL WHERE id = $1', [work.chunkIds[1]]);
    expect(await retry({ collection_id: collectionId }, 200)).toMatchObject({ group_id: null, scheduled: 0, jobs: 0 });
    const answer = await retry({ collection_id: collectionId, force: true });
    expect(answer).toMatchObject({ scheduled: 2, jobs: 1, skipped: [{ reason: 'payload_expired', count: 1 }] });
  });

  test('When no chunk fits the conditions, then there is no retry group', async () => {
    await endedDocument(database, 2, { collectionId });
    await chunkedDocument(database, 2, { collectionId });
    expect(await retry({ collection_id: collectionId }, 200)).toEqual({
      dry_run: false,
      group_id: null,
      scheduled: 0,
      jobs: 0,
      jobs_restarted: 0,
      skipped: [],
      links: {},
    });
  });

  test('When a job failed before it had chunks, then its document is read again', async () => {
    const work = await acceptedDocument(database, { collectionId });
    await failJob(database, await claimedJob(database, work.jobId), new MillraceError('STORAGE_UNAVAILABLE', 'Away'));
    const request = { collection_id: collectionId, error_codes: ['STORAGE_UNAVAILABLE'] };
    expect(await retry({ ...request, dry_run: true }, 200)).toMatchObject({ scheduled: 0, jobs_restarted: 1 });
    const answer = await retry(request);
    expect(answer).toMatchObject({ scheduled: 0, jobs: 0, jobs_restarted: 1 });
    expect((await api.client.get(`/api/v1/documents/${work.documentId}`)).body.status).toBe('queued');
    await waitFor('the delivery', async () => (await queues.documents.getJob(`${work.jobId}.2`)) && true);
    expect(await groupOf(answer.group_id)).toMatchObject({ scheduled: 0, jobs: { queued: 1 }, done: false });
  });

  test('When a job was cancelled, then its failed chunks do not change', async () => {
    const work = await chunkedDocument(database, 2, { collectionId });
    const [failed = ''] = work.chunkIds;
    await claimAndSettle(database, [failed], { [failed]: 'EMBEDDING_REJECTED' });
    await cancelJob(database, work.jobId, testActor);
    expect(await retry({ collection_id: collectionId }, 200)).toMatchObject({ scheduled: 0 });
    expect((await api.client.get(`/api/v1/jobs/${work.jobId}`)).body.status).toBe('cancelled');
  });

  test('The retry group shows the statuses of its chunks, and when all are done', async () => {
    const first = await endedDocument(database, 3, { failures, collectionId });
    const second = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' }, collectionId });
    const { group_id } = await retry({ collection_id: collectionId });
    expect(await groupOf(group_id)).toMatchObject({
      scheduled: 3,
      summary: { total: 3, retry_scheduled: 3 },
      done: false,
    });
    await claimAndSettle(database, first.chunkIds, { [first.chunkIds[0] ?? '']: 'EMBEDDING_REJECTED' });
    expect(await groupOf(group_id)).toMatchObject({
      summary: { success: 1, failed: 1, retry_scheduled: 1 },
      done: false,
    });
    await claimAndSettle(database, second.chunkIds);
    expect(await groupOf(group_id)).toMatchObject({ summary: { success: 2, failed: 1, total: 3 }, done: true });

    const again = await retry({ collection_id: collectionId });
    expect(await groupOf(again.group_id)).toMatchObject({ scheduled: 1, summary: { total: 1 }, done: false });
    expect(await groupOf(group_id)).toMatchObject({ scheduled: 3, summary: { success: 2, total: 2 }, done: true });
  });
});

describe('An invalid bulk retry', () => {
  test.each([
    ['no condition', {}, ''],
    ['no condition but force', { force: true, dry_run: true }, ''],
    ['a collection id that is not a UUID', { collection_id: 'nonsense' }, 'collection_id'],
    ['a document id that is a number', { document_id: 5 }, 'document_id'],
    ['a time that is a word', { failed_after: 'yesterday' }, 'failed_after'],
    ['a time without a zone', { failed_before: '2026-01-01T10:00:00' }, 'failed_before'],
    ['no error codes', { error_codes: [] }, 'error_codes'],
    ['a dry run that is text', { error_codes: ['WORKER_LOST'], dry_run: 'true' }, 'dry_run'],
    ['an array', [], ''],
  ])('When it has %s, then REQUEST_INVALID names the field', async (_what, body, path) => {
    expect(await post(body)).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', errors: [{ path }] } });
  });

  test('When it has an unknown field, then REQUEST_INVALID names the field', async () => {
    const { status, body } = await post({ error_codes: ['WORKER_LOST'], colection_id: collectionId });
    expect([status, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(body.detail).toContain('colection_id');
  });

  test.each([
    ['collection_id', 'COLLECTION_NOT_FOUND'],
    ['document_id', 'DOCUMENT_NOT_FOUND'],
  ])('When its %s does not exist, then %s', async (field, code) => {
    expect(await post({ [field]: randomUUID() })).toMatchObject({ status: 404, body: { code } });
  });

  test('When its body is missing, not JSON or malformed, then it is refused', async () => {
    const bare = () => api.client.post('/api/v1/retries');
    expect(await bare()).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(await bare().type('text/plain').send('all')).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID' },
    });
    expect(await bare().type('application/json').send('{')).toMatchObject({
      status: 400,
      body: { code: 'JSON_MALFORMED' },
    });
  });
});
