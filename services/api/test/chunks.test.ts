import { randomUUID } from 'node:crypto';
import { documentDetailSchema, jobChunkDetailSchema, jobChunksResponseSchema } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { acceptedDocument, chunkedDocument, claimAndSettle, endedDocument } from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const chunksOf = async (jobId: string, query = '') =>
  jobChunksResponseSchema.parse((await api.client.get(`/api/v1/jobs/${jobId}/chunks${query}`)).body);

describe("A job's chunks", () => {
  test('When they are listed, then the answer counts each status and each error code', async () => {
    const { jobId } = await endedDocument(database, 5, {
      failures: {
        1: 'EMBEDDING_TIMEOUT',
        3: 'EMBEDDING_REJECTED',
        4: 'EMBEDDING_TIMEOUT',
      },
    });
    const body = await chunksOf(jobId);
    expect(body.summary).toEqual({
      total: 5,
      pending: 0,
      processing: 0,
      success: 2,
      failed: 3,
      retry_scheduled: 0,
      cancelled: 0,
    });
    expect(body.error_codes).toEqual([
      { code: 'EMBEDDING_TIMEOUT', count: 2 },
      { code: 'EMBEDDING_REJECTED', count: 1 },
    ]);
    expect(body.chunks.map((chunk) => chunk.chunk_index)).toEqual([0, 1, 2, 3, 4]);
  });

  test('When a chunk has succeeded, then it has every field about its pages, its text and its result', async () => {
    const { jobId, chunkIds } = await endedDocument(database, 2);
    const fields = {
      page_count: 1,
      has_overlap: false,
      storage_url: null,
      max_retries: 3,
      processed_at: expect.any(String),
    };
    const result = { result_json: { embedding_model: expect.any(String) } };
    expect((await chunksOf(jobId)).chunks[1]).toMatchObject({ id: chunkIds[1], ...fields, ...result });
    const { body } = await api.client.get(`/api/v1/jobs/${jobId}/chunks/${chunkIds[1]}`);
    expect(body).toMatchObject({ job_id: jobId, ...fields, ...result });
  });

  test('When they are filtered, then pages hold only the chunks that fit, and the counts include all chunks', async () => {
    const { jobId } = await endedDocument(database, 6, {
      failures: {
        0: 'EMBEDDING_TIMEOUT',
        2: 'EMBEDDING_TIMEOUT',
        3: 'EMBEDDING_REJECTED',
        5: 'EMBEDDING_TIMEOUT',
      },
    });
    const first = await chunksOf(jobId, '?status=failed&error_code=EMBEDDING_TIMEOUT&limit=2');
    const second = await chunksOf(
      jobId,
      `?status=failed&error_code=EMBEDDING_TIMEOUT&limit=2&cursor=${first.next_cursor}`,
    );
    expect([first, second].map((page) => page.chunks.map((chunk) => chunk.chunk_index))).toEqual([[0, 2], [5]]);
    expect(second.next_cursor).toBeNull();
    expect(second.summary).toMatchObject({ total: 6, success: 2, failed: 4 });
    expect((await chunksOf(jobId, '?status=success')).chunks.map((chunk) => chunk.chunk_index)).toEqual([1, 4]);
    expect((await chunksOf(jobId, '?error_code=EMBEDDING_REJECTED')).chunks).toHaveLength(1);
    expect((await chunksOf(jobId, '?error_code=WORKER_LOST')).chunks).toEqual([]);
  });

  test('When the job has no chunks yet, then all counts are zero', async () => {
    const body = await chunksOf((await acceptedDocument(database)).jobId);
    expect(body).toMatchObject({ summary: { total: 0 }, error_codes: [], chunks: [], next_cursor: null });
  });

  test.each(['error_code=', 'error_code=%00', 'error_code=not-a-code', `error_code=${'X'.repeat(101)}`])(
    'When the query is %s, then REQUEST_INVALID names the field',
    async (query) => {
      const { jobId } = await acceptedDocument(database);
      const response = await api.client.get(`/api/v1/jobs/${jobId}/chunks?${query}`);
      expect(response).toMatchObject({
        status: 400,
        body: { code: 'REQUEST_INVALID', errors: [{ path: 'error_code' }] },
      });
    },
  );
});

describe('A job chunk', () => {
  test('When it has failed twice and then succeeded, then its history has every attempt', async () => {
    const { jobId, chunkIds } = await chunkedDocument(database, 1);
    const [id = ''] = chunkIds;
    await claimAndSettle(database, chunkIds, { [id]: 'EMBEDDING_TIMEOUT' });
    await claimAndSettle(database, chunkIds, { [id]: 'EMBEDDING_UNAVAILABLE' });
    await claimAndSettle(database, chunkIds);
    const response = await api.client.get(`/api/v1/jobs/${jobId}/chunks/${id}`);
    expect(response.status).toBe(200);
    const chunk = jobChunkDetailSchema.parse(response.body);
    expect(chunk).toMatchObject({ id, job_id: jobId, status: 'success', attempts: 3, worker: 'test-worker' });
    expect(chunk).toMatchObject({ last_error_code: null, retry_group_id: null, queue_job_id: `${id}.3` });
    expect(chunk.history).toMatchObject([
      { attempt: 1, round: 1, worker: 'test-worker', outcome: 'failed', error_code: 'EMBEDDING_TIMEOUT' },
      { attempt: 2, round: 2, outcome: 'failed', error: 'It is EMBEDDING_UNAVAILABLE' },
      { attempt: 3, round: 3, outcome: 'success', error_code: null, retry_group_id: null },
    ]);
  });

  test('When it succeeded at once, then it has no history', async () => {
    const { jobId, chunkIds } = await endedDocument(database, 1);
    const { body } = await api.client.get(`/api/v1/jobs/${jobId}/chunks/${chunkIds[0]}`);
    expect(jobChunkDetailSchema.parse(body)).toMatchObject({ status: 'success', attempts: 1, history: [] });
  });

  test('When it belongs to another job, is unknown or is not a UUID, then CHUNK_NOT_FOUND', async () => {
    const { jobId } = await chunkedDocument(database, 1);
    const other = await chunkedDocument(database, 1);
    for (const id of [other.chunkIds[0], randomUUID(), 'nonsense']) {
      const response = await api.client.get(`/api/v1/jobs/${jobId}/chunks/${id}`);
      expect(response).toMatchObject({ status: 404, body: { code: 'CHUNK_NOT_FOUND' } });
    }
    const response = await api.client.get(`/api/v1/jobs/${randomUUID()}/chunks/${other.chunkIds[0]}`);
    expect(response).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
  });
});

describe('What a document lacks', () => {
  const documentOf = async (id: string) =>
    documentDetailSchema.parse((await api.client.get(`/api/v1/documents/${id}`)).body);

  test('When chunks and pages have failed, then the document is partial and names them', async () => {
    const failures = { 1: 'EMBEDDING_REJECTED', 2: 'EMBEDDING_TIMEOUT' } as const;
    const { documentId, chunkIds } = await endedDocument(database, 4, { failures, failedPages: [7, 9] });
    expect(await documentOf(documentId)).toMatchObject({
      status: 'partial',
      missing: {
        chunk_count: 2,
        page_count: 2,
        pages_lost: false,
        chunks: [
          { id: chunkIds[1], chunk_index: 1, page_start: 2, page_end: 2, error_code: 'EMBEDDING_REJECTED' },
          { id: chunkIds[2], chunk_index: 2, page_start: 3, page_end: 3, error_code: 'EMBEDDING_TIMEOUT' },
        ],
        pages: [
          { page: 7, error_code: 'PAGE_FAILED' },
          { page: 9, error_code: 'PAGE_FAILED' },
        ],
      },
    });
  });

  test('When more than a hundred chunks are missing, then all are counted and the first hundred are named', async () => {
    const failures = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [i + 5, 'EMBEDDING_REJECTED' as const]));
    const { documentId } = await endedDocument(database, 130, { failures });
    const { missing } = await documentOf(documentId);
    expect(missing).toMatchObject({ chunk_count: 120, page_count: 0, pages: [] });
    expect(missing?.chunks.map((chunk) => chunk.chunk_index)).toEqual(Array.from({ length: 100 }, (_, i) => i + 5));
  });

  test('When the document is ready or unfinished, then it names nothing as missing', async () => {
    const ready = await endedDocument(database, 2);
    expect(await documentOf(ready.documentId)).toMatchObject({ status: 'ready', missing: null });
    const { documentId, chunkIds } = await chunkedDocument(database, 2, { jobMaxRetries: 0, failedPages: [5] });
    await claimAndSettle(database, chunkIds.slice(0, 1), { [chunkIds[0] ?? '']: 'EMBEDDING_REJECTED' });
    expect(await documentOf(documentId)).toMatchObject({ status: 'processing', missing: null });
    expect(await documentOf((await acceptedDocument(database)).documentId)).toMatchObject({ missing: null });
  });
});
