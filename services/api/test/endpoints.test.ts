import { randomUUID } from 'node:crypto';
import { defaultCollectionId } from '@millrace/database';
import { testAdminPassword, textPdf } from '@millrace/test-support';
import { acceptedDocument, endedDocument, newCollection } from '@millrace/test-support/lifecycle';
import { z } from 'zod';
import { endpoints } from '../src/endpoints';
import { endpoint } from '../src/http/endpoint';
import { newUser, share } from './principals';
import { sendTo } from './sendTo';
import { TestApi } from './support';

let api: TestApi;
/** A failed job with two chunks and a failed page, its document, and its failed chunk. */
let ids: { documentId: string; jobId: string; chunkId: string };
beforeAll(async () => {
  api = await TestApi.start();
  const work = await endedDocument(api.database, 2, { failures: { 1: 'EMBEDDING_REJECTED' }, failedPages: [3] });
  ids = { ...work, chunkId: work.chunkIds[1] ?? '' };
});
afterAll(() => api.stop());

const get = (path: string) => api.client.get(path);
const idOf = (response: { body: { id: string } }) => response.body.id;
const newGroup = async () => idOf(await post('/api/v1/groups', { name: randomUUID() }));
const signIn = () =>
  post('/api/v1/auth/token', { grant_type: 'password', email: 'admin@localhost', password: testAdminPassword });
const post = (path: string, body: object = {}) => api.client.post(path).send(body);

/** A successful call of each endpoint, with the status that it answers. */
const calls: Record<string, () => Promise<{ status: number; body: { [name: string]: unknown } }>> = {
  getHealth: () => get('/healthz'),
  getReadiness: () => get('/readyz'),
  getMetrics: () => get('/metrics'),
  uploadDocument: async () => api.client.post('/api/v1/documents').attach('file', await textPdf(['Text.']), 'a.pdf'),
  listDocuments: () => get('/api/v1/documents?limit=1'),
  changeDocument: async () => {
    const { documentId } = await acceptedDocument(api.database);
    return api.client.patch(`/api/v1/documents/${documentId}`).send({ metadata: { year: 2026 } });
  },
  getDocument: () => get(`/api/v1/documents/${ids.documentId}`),
  deleteDocument: async () =>
    api.client.delete(`/api/v1/documents/${(await acceptedDocument(api.database)).documentId}`),
  listDocumentChunks: () => get(`/api/v1/documents/${ids.documentId}/chunks?limit=1`),
  listDocumentPages: () => get(`/api/v1/documents/${ids.documentId}/pages`),
  listDocumentVersions: () => get(`/api/v1/documents/${ids.documentId}/versions`),
  restoreDocument: () => post(`/api/v1/documents/${ids.documentId}/restore`),
  listJobs: () => get('/api/v1/jobs?limit=1'),
  getJob: () => get(`/api/v1/jobs/${ids.jobId}`),
  cancelJob: async () => post(`/api/v1/jobs/${(await acceptedDocument(api.database)).jobId}/cancel`),
  listJobChunks: () => get(`/api/v1/jobs/${ids.jobId}/chunks`),
  getJobChunk: () => get(`/api/v1/jobs/${ids.jobId}/chunks/${ids.chunkId}`),
  retryJobChunks: () => post(`/api/v1/jobs/${ids.jobId}/chunks/retry`, { chunk_ids: [ids.chunkId, randomUUID()] }),
  retryJobPages: () => post(`/api/v1/jobs/${ids.jobId}/pages/retry`),
  createCollection: () => post('/api/v1/collections', { name: randomUUID() }),
  listCollections: () => get('/api/v1/collections?limit=1'),
  getCollection: () => get(`/api/v1/collections/${defaultCollectionId}`),
  changeCollection: () =>
    api.client.patch(`/api/v1/collections/${defaultCollectionId}`).send({ description: 'Everything' }),
  moveDocument: async () => {
    const { documentId } = await endedDocument(api.database, 1);
    return post(`/api/v1/documents/${documentId}/move`, { collection_id: await newCollection(api.database) });
  },
  copyDocument: async () => {
    const { documentId } = await endedDocument(api.database, 1);
    await api.database.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [documentId]);
    return post(`/api/v1/documents/${documentId}/copy`, { collection_id: await newCollection(api.database) });
  },
  deleteCollection: async () =>
    api.client.delete(`/api/v1/collections/${await newCollection(api.database)}?if_empty=true`),
  listCollectionMembers: () => get(`/api/v1/collections/${defaultCollectionId}/members`),
  shareCollection: async () =>
    api.client
      .put(`/api/v1/collections/${defaultCollectionId}/members`)
      .send({ user_id: await newUser(api.database), role: 'reader' }),
  unshareCollection: async () => {
    const member = await newUser(api.database);
    await share(api.database, defaultCollectionId, member, 'reader');
    return api.client.delete(`/api/v1/collections/${defaultCollectionId}/members/${member}`);
  },
  getEmbeddingModels: () => get('/api/v1/embedding-models'),
  retryFailures: () => post('/api/v1/retries', { document_id: ids.documentId, dry_run: true }),
  listRetries: () => get('/api/v1/retries?limit=1'),
  listActions: () => get('/api/v1/actions?limit=1'),
  getRetryGroup: async () => {
    const { jobId } = await endedDocument(api.database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    const retried = await post(`/api/v1/jobs/${jobId}/chunks/retry`);
    return get(`/api/v1/retries/${retried.body.group_id}`);
  },
  createUser: () => post('/api/v1/users', { email: 'ada@example.org', password: 'correct horse battery' }),
  listUsers: () => get('/api/v1/users?limit=1'),
  getUser: async () => get(`/api/v1/users/${await newUser(api.database)}`),
  changeUser: async () => api.client.patch(`/api/v1/users/${await newUser(api.database)}`).send({ role: 'operator' }),
  deleteUser: async () =>
    api.client.delete(`/api/v1/users/${await newUser(api.database)}?transfer_to=${await newUser(api.database)}`),
  getMe: () => get('/api/v1/me'),
  changeMe: () => api.client.patch('/api/v1/me').send({ name: 'The admin' }),
  createGroup: () => post('/api/v1/groups', { name: 'Legal' }),
  listGroups: () => get('/api/v1/groups'),
  getGroup: async () => get(`/api/v1/groups/${await newGroup()}`),
  renameGroup: async () => api.client.patch(`/api/v1/groups/${await newGroup()}`).send({ name: 'Renamed' }),
  deleteGroup: async () => api.client.delete(`/api/v1/groups/${await newGroup()}`),
  listGroupMembers: async () => get(`/api/v1/groups/${await newGroup()}/members`),
  addGroupMember: async () =>
    api.client.put(`/api/v1/groups/${await newGroup()}/members/${await newUser(api.database)}`),
  removeGroupMember: async () =>
    api.client.delete(`/api/v1/groups/${await newGroup()}/members/${await newUser(api.database)}`),
  createToken: () => signIn(),
  signOut: async () => post('/api/v1/auth/sign-out', { refresh_token: (await signIn()).body.refresh_token }),
  getPublicKeys: () => get('/.well-known/jwks.json'),
  rotateSigningKey: () => post('/api/v1/auth/signing-keys/rotate'),
  createKey: () => post('/api/v1/keys', { name: 'a key', scopes: ['read'] }),
  listKeys: () => get('/api/v1/keys?limit=1'),
  revokeKey: async () =>
    api.client.delete(`/api/v1/keys/${idOf(await post('/api/v1/keys', { name: 'a key', scopes: ['read'] }))}`),
  searchChunks: () => post('/api/v1/search', { query: 'a chunk', document_id: ids.documentId }),
};

describe('Every declared endpoint', () => {
  test('has a call in this test', () => {
    expect(Object.keys(calls).sort()).toEqual(endpoints.map((endpoint) => endpoint.operationId).sort());
  });

  test('has a name and an address of its own', () => {
    const names = new Set(endpoints.map((endpoint) => endpoint.operationId));
    const addresses = new Set(endpoints.map(({ method, path }) => `${method} ${path.replaceAll(/\{\w+\}/g, '{}')}`));
    expect([names.size, addresses.size]).toEqual([endpoints.length, endpoints.length]);
  });

  test.each(endpoints)('$operationId answers a good request as it declares', async ({ operationId }) => {
    const response = await calls[operationId]?.();
    expect(response?.status).toBeGreaterThanOrEqual(200);
    expect(response?.status).toBeLessThan(300);
    expect([...api.recorder.answers]).toContain(`${operationId} ${response?.status}`);
    expect(api.recorder.faults).toEqual([]);
  });

  test.each(endpoints.filter(({ access }) => access !== 'public'))('$operationId needs the key', async (endpoint) => {
    expect(await sendTo(endpoint, api.anonymous, 'text/plain', '')).toMatchObject({
      status: 401,
      body: { code: 'UNAUTHENTICATED' },
    });
  });

  test.each(endpoints.filter(({ body }) => body?.kind === 'json'))(
    '$operationId refuses what is not JSON, malformed, too large or not as its schema says',
    async (endpoint) => {
      const codeOf = async (type: string, body: string) => (await sendTo(endpoint, api.client, type, body)).body.code;
      expect(await codeOf('text/plain', 'text')).toBe('REQUEST_INVALID');
      expect(await codeOf('application/json', '{"a": ')).toBe('JSON_MALFORMED');
      expect(await codeOf('application/json', JSON.stringify({ a: 'x'.repeat(600_000) }))).toBe('PAYLOAD_TOO_LARGE');
      expect(await codeOf('application/json', '{"no_such_field": 1}')).toBe('REQUEST_INVALID');
    },
  );

  test('answers another method with METHOD_NOT_ALLOWED and names those that it takes', async () => {
    for (const { path } of endpoints) {
      const methods = endpoints.filter((endpoint) => endpoint.path === path).map((endpoint) => endpoint.method);
      const address = path.replaceAll(/\{\w+\}/g, () => randomUUID());
      const response = await (methods.includes('PUT') ? api.client.patch(address) : api.client.put(address));
      expect(response).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
      expect(response.headers.allow?.split(', ').sort()).toEqual(methods.sort());
    }
  });
});

describe('A declaration', () => {
  const declare = () =>
    endpoint({
      method: 'GET',
      path: '/things/{id}',
      summary: 'Get a thing',
      params: { id: z.string() },
      responses: { 200: { description: 'The thing', schema: z.object({ name: z.string() }) } },
      errors: [],
      access: 'documents.read',
      rateClass: 'read',
      uses: ['access'],
    });

  test('allows only its statuses, bodies, path parameters and resources in the handler', () => {
    const fits = declare().handle(async ({ params }) => ({ status: 200, body: { name: params.id } }));
    // @ts-expect-error The status is not declared.
    declare().handle(async () => ({ status: 201, body: { name: 'a' } }));
    // @ts-expect-error The body does not fit the schema.
    declare().handle(async () => ({ status: 200, body: { name: 1 } }));
    // @ts-expect-error The path has no such parameter.
    declare().handle(async ({ params }) => ({ status: 200, body: { name: params.other } }));
    // @ts-expect-error The resource is not declared.
    declare().handle(async (_input, { database }) => ({ status: 200, body: { name: String(database) } }));
    expect(fits).toMatchObject({ path: '/things/{id}', handle: expect.any(Function) });
  });
});
