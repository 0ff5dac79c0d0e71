import { retryPagesResponseSchema } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { Queues } from '@millrace/queues';
import { waitFor } from '@millrace/test-support';
import { chunkedDocument, endedDocument } from '@millrace/test-support/lifecycle';
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
  const request = api.client.post(`/api/v1/jobs/${jobId}/pages/retry`);
  return body ? request.send(body) : request;
};

describe("Retrying a document's failed pages", () => {
  test('When there are some, then a new job reads them, it is delivered, and the group can be followed', async () => {
    const { jobId, documentId } = await endedDocument(database, 2, { failedPages: [3, 4] });
    const response = await post(jobId);
    expect(response.status).toBe(202);
    const answer = retryPagesResponseSchema.parse(response.body);
    expect(answer).toMatchObject({ pages: 2, reason: null });
    const { body: job } = await api.client.get(answer.links.job ?? '');
    expect(job).toMatchObject({
      kind: 'reread',
      document_id: documentId,
      status: 'queued',
      current_step: 'waiting to read failed pages again',
      total_chunks: null,
    });
    await waitFor('the delivery', async () => (await queues.documents.getJob(`${job.id}.1`)) && true);
    const { body: document } = await api.client.get(`/api/v1/documents/${documentId}`);
    expect(document).toMatchObject({ status: 'processing', job_id: jobId });
    const group = await api.client.get(answer.links.self ?? '');
    expect([group.status, group.body.group_id]).toEqual([200, answer.group_id]);

    const again = await post(jobId);
    expect([again.status, again.body]).toMatchObject([200, { group_id: null, pages: 0, reason: 'in_progress' }]);
  });

  test('When no page has failed or the job is running, then the answer says which', async () => {
    const { jobId } = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    expect((await post(jobId, {})).body).toMatchObject({ group_id: null, pages: 0, reason: 'no_failed_pages' });
    const underWay = await chunkedDocument(database, 1, { failedPages: [2] });
    expect((await post(underWay.jobId)).body).toMatchObject({ group_id: null, reason: 'in_progress' });
  });

  test('When the pages cannot be read again, then the error says why', async () => {
    const { jobId, documentId } = await endedDocument(database, 1, { failedPages: [2] });
    expect(await post(jobId, { pages: [2] })).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    await database.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [documentId]);
    expect(await post(jobId)).toMatchObject({ status: 409, body: { code: 'JOB_NOT_RETRYABLE' } });
    expect(await post(documentId)).toMatchObject({ status: 404, body: { code: 'JOB_NOT_FOUND' } });
    expect((await api.client.get(`/api/v1/jobs/${jobId}/pages/retry`)).headers.allow).toBe('POST');
  });
});
