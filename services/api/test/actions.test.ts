import { randomUUID } from 'node:crypto';
import type { Database } from '@millrace/database';
import { acceptedDocument, endedDocument } from '@millrace/test-support/lifecycle';
import { newCollectionOf, newKey, newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const get = async (path: string) => (await api.client.get(`/api/v1/${path}`)).body;
const post = async (path: string, body: object = {}) => (await api.client.post(`/api/v1/${path}`).send(body)).body;

describe('Who asked', () => {
  test('When chunks of a job are retried, then the retry and the action name the principal', async () => {
    const { jobId, documentId } = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    const { group_id } = await post(`jobs/${jobId}/chunks/retry`);
    expect(await get(`retries/${group_id}`)).toMatchObject({
      requested_by: expect.stringMatching(/^api-key:/),
      request: { job_id: jobId },
    });
    expect((await get(`retries?job_id=${jobId}`)).retries).toMatchObject([
      { group_id, requested_by: expect.stringMatching(/^api-key:/) },
    ]);
    expect((await get(`actions?job_id=${jobId}`)).actions).toMatchObject([
      {
        id: group_id,
        kind: 'retry',
        requested_by: expect.stringMatching(/^api-key:/),
        document_id: documentId,
        filename: 'test.pdf',
      },
    ]);
  });

  test('When a request retries nothing, then nothing is recorded', async () => {
    const { jobId } = await endedDocument(database, 1);
    expect(await post(`jobs/${jobId}/chunks/retry`)).toMatchObject({ group_id: null });
    expect((await get(`actions?job_id=${jobId}`)).actions).toEqual([]);
  });

  test('When failed pages are read again, or work across jobs is retried, then both are recorded', async () => {
    const pages = await endedDocument(database, 1, { failedPages: [2] });
    const reread = await post(`jobs/${pages.jobId}/pages/retry`);
    expect(await get(`retries/${reread.group_id}`)).toMatchObject({ requested_by: expect.stringMatching(/^api-key:/) });
    const { documentId } = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    const request = { document_id: documentId, error_codes: ['EMBEDDING_REJECTED', 'WORKER_LOST'] };
    const { group_id } = await post('retries', request);
    expect((await get(`retries?document_id=${documentId}&error_code=WORKER_LOST`)).retries).toEqual([
      expect.objectContaining({ group_id, request, links: { self: `/api/v1/retries/${group_id}` } }),
    ]);
    expect((await get(`retries?document_id=${documentId}&requested_by=nobody`)).retries).toEqual([]);
    expect((await get(`actions?document_id=${documentId}&kind=retry`)).actions).toMatchObject([{ id: group_id }]);
  });

  test('When a job is cancelled twice, then the cancellation that changed something is recorded', async () => {
    const { jobId, documentId } = await acceptedDocument(database);
    await post(`jobs/${jobId}/cancel`);
    await post(`jobs/${jobId}/cancel`);
    const { actions } = await get(`actions?kind=cancel&document_id=${documentId}`);
    expect(actions).toMatchObject([
      { kind: 'cancel', job_id: jobId, requested_by: expect.stringMatching(/^api-key:/) },
    ]);
  });

  test('When a document is deleted, then the record of it stays, with its name', async () => {
    const { document } = await acceptedDocument(database);
    expect((await api.client.delete(`/api/v1/documents/${document.id}`)).status).toBe(204);
    const { actions } = await get(`actions?document_id=${document.id}`);
    expect(actions).toMatchObject([
      { kind: 'delete', filename: 'test.pdf', collection_id: document.collectionId, job_id: null },
    ]);
  });

  test('When metadata is changed, then it is recorded with the address and the request, and without the metadata', async () => {
    const { documentId } = await acceptedDocument(database);
    const path = `/api/v1/documents/${documentId}`;
    const changed = await api.client.patch(path).send({ metadata: { secret: 'x-secret-x' } });
    const missing = randomUUID();
    await api.client.patch(`/api/v1/documents/${missing}`).send({ metadata: {} });
    const { actions } = await get(`actions?document_id=${documentId}`);
    expect(actions).toEqual([
      expect.objectContaining({
        kind: 'change_metadata',
        address: '127.0.0.1',
        request_id: changed.headers['x-request-id'],
        details: null,
      }),
    ]);
    expect(JSON.stringify(actions)).not.toContain('x-secret-x');
    expect((await get(`actions?document_id=${missing}`)).actions).toEqual([]);
  });

  test('When a member lists the actions, then it sees those of its collections, and no addresses', async () => {
    const [member, other] = [await newUser(database), await newUser(database)];
    const inMine = await acceptedDocument(database, { collectionId: await newCollectionOf(database, member) });
    const inOthers = await acceptedDocument(database, { collectionId: await newCollectionOf(database, other) });
    for (const { documentId } of [inMine, inOthers]) {
      await api.client.delete(`/api/v1/documents/${documentId}`);
    }
    const { body } = await api.anonymous.get('/api/v1/actions').set('X-API-Key', await newKey(database, member));
    expect(body.actions).toEqual([
      expect.objectContaining({ document_id: inMine.documentId, kind: 'delete', address: null, request_id: null }),
    ]);
  });

  test('When there are several actions or retries, then their lists have pages, the newest first', async () => {
    const since = `requested_after=${new Date(Date.now() - 3_600_000).toISOString()}`;
    const all = await get(`actions?${since}`);
    const first = await get(`actions?${since}&limit=2`);
    const second = await get(`actions?${since}&limit=500&cursor=${first.next_cursor}`);
    expect([...first.actions, ...second.actions]).toEqual(all.actions);
    const retries = await get('retries?limit=1');
    expect(retries.retries).toHaveLength(1);
    expect((await get(`retries?limit=1&cursor=${retries.next_cursor}`)).retries[0]).not.toEqual(retries.retries[0]);
    expect((await get('actions?kind=rename')).errors).toMatchObject([{ path: 'kind.0' }]);
    expect((await get('retries?job=1')).code).toBe('REQUEST_INVALID');
  });
});
