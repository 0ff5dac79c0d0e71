import { randomUUID } from 'node:crypto';
import { defaultCollectionId } from '@millrace/database';
import { testAdminPassword, textPdf } from '@millrace/test-support';
import { acceptedDocument, endedDocument } from '@millrace/test-support/lifecycle';
import type { Response, Test } from 'supertest';
import { endpoints } from '../src/endpoints';
import { newCollectionOf, newKey, newUser, share, shareWithGroup } from './principals';
import { TestApi } from './support';

/*
 * Every endpoint is called by every kind of principal. The expected answers are written here by hand, and not taken from the
 * code that decides. Each endpoint names one row of `expectations`; one that names none fails the test.
 */

const principals = [
  'anonymous',
  'unknown key',
  'expired key',
  'revoked key',
  'key of a disabled user',
  'key of the owner for reading',
  'key of the owner for another collection',
  'stranger',
  'reader',
  'reader by a group',
  'writer',
  'manager',
  'owner',
  'operator',
  'admin',
] as const;
type PrincipalName = (typeof principals)[number];

/** The status of a refusal, or `yes` for any other answer. */
type Expected = 'yes' | 401 | 403 | 404;
type Expectation = Record<PrincipalName, Expected>;

const unknown = {
  anonymous: 401,
  'unknown key': 401,
  'expired key': 401,
  'revoked key': 401,
  'key of a disabled user': 401,
} as const;

const seeing: Expectation = {
  ...unknown,
  'key of the owner for reading': 'yes',
  'key of the owner for another collection': 404,
  stranger: 404,
  reader: 'yes',
  'reader by a group': 'yes',
  writer: 'yes',
  manager: 'yes',
  owner: 'yes',
  operator: 'yes',
  admin: 'yes',
};
const reading: Expectation = { ...seeing, operator: 403 };
const repairing: Expectation = {
  ...seeing,
  'key of the owner for reading': 403,
  reader: 403,
  'reader by a group': 403,
};
const writing: Expectation = { ...repairing, operator: 403 };
const managing: Expectation = { ...writing, writer: 403 };
/** What every principal may ask for; the answer has only what it may see. */
const listing: Expectation = {
  ...seeing,
  'key of the owner for another collection': 'yes',
  stranger: 'yes',
};
const operating: Expectation = {
  ...repairing,
  'key of the owner for another collection': 403,
  stranger: 403,
  writer: 403,
  manager: 403,
  owner: 403,
};
/** Only admins manage accounts. */
const administering: Expectation = { ...operating, operator: 403 };
/** What every user may do with its own account. */
const own: Expectation = {
  ...listing,
  'key of the owner for reading': 403,
  'key of the owner for another collection': 403,
};
const everybody = Object.fromEntries(principals.map((name) => [name, 'yes'])) as Expectation;

/** Who may do what, by the name of the endpoint, and by what follows it where an endpoint has several rules. */
const expectations: Record<string, Expectation> = {
  getHealth: everybody,
  getReadiness: everybody,
  getMetrics: operating,
  uploadDocument: writing,
  listDocuments: listing,
  changeDocument: writing,
  getDocument: seeing,
  deleteDocument: writing,
  listDocumentChunks: reading,
  listDocumentPages: seeing,
  listDocumentVersions: seeing,
  restoreDocument: writing,
  listJobs: listing,
  getJob: seeing,
  cancelJob: repairing,
  listJobChunks: seeing,
  getJobChunk: seeing,
  retryJobChunks: repairing,
  retryJobPages: repairing,
  // A key for one collection makes no other.
  createCollection: {
    ...listing,
    'key of the owner for reading': 403,
    'key of the owner for another collection': 403,
  },
  listCollections: listing,
  getCollection: seeing,
  changeCollection: managing,
  deleteCollection: managing,
  moveDocument: writing,
  copyDocument: writing,
  listCollectionMembers: { ...managing, 'key of the owner for reading': 'yes' },
  shareCollection: managing,
  unshareCollection: managing,
  // Whoever has no role of its own is not a member.
  'unshareCollection of oneself': {
    ...repairing,
    operator: 403,
    reader: 'yes',
    'reader by a group': 404,
    admin: 404,
  },
  getEmbeddingModels: listing,
  retryFailures: repairing,
  listRetries: listing,
  listActions: listing,
  // A retry is shown to those who may see all work, and to the user who asked for it.
  getRetryGroup: { ...seeing, reader: 404, 'reader by a group': 404, writer: 404, manager: 404 },
  searchChunks: reading,
  // Whoever has the password or the token.
  createToken: everybody,
  signOut: everybody,
  getPublicKeys: everybody,
  rotateSigningKey: administering,
  createUser: administering,
  listUsers: administering,
  getUser: administering,
  changeUser: administering,
  deleteUser: administering,
  createGroup: administering,
  listGroups: administering,
  getGroup: administering,
  renameGroup: administering,
  deleteGroup: administering,
  listGroupMembers: administering,
  addGroupMember: administering,
  removeGroupMember: administering,
  getMe: listing,
  changeMe: own,
  createKey: own,
  listKeys: own,
  // The key is the owner's.
  revokeKey: {
    ...operating,
    operator: 404,
    stranger: 404,
    writer: 404,
    manager: 404,
    reader: 404,
    'reader by a group': 404,
    owner: 'yes',
  },
};

let api: TestApi;
/** The key of each principal; undefined for none. */
let keys: Record<PrincipalName, string | undefined>;
/** The owner's collection, which the calls are about. */
let collectionId: string;
/** A failed job in it, its document and its failed chunk. */
let ids: { documentId: string; jobId: string; chunkId: string };
let retryGroupId: string;
let ownerId: string;
let groupId: string;

beforeAll(async () => {
  api = await TestApi.start();
  const { database } = api;
  const owner = await newUser(database);
  ownerId = owner;
  collectionId = await newCollectionOf(database, owner);
  const otherCollection = await newCollectionOf(database, owner);
  const member = async (grant?: (userId: string) => Promise<void>) => {
    const id = await newUser(database);
    await grant?.(id);
    return newKey(database, id);
  };
  const disabled = await newUser(database);
  await share(database, collectionId, disabled, 'manager');
  await database.sql.none(`UPDATE users SET status = 'disabled' WHERE id = $1`, [disabled]);
  keys = {
    anonymous: undefined,
    'unknown key': `mr_${randomUUID()}`,
    'expired key': await newKey(database, owner, { changes: `expires_at = now() - interval '1 second'` }),
    'revoked key': await newKey(database, owner, { changes: 'revoked_at = now()' }),
    'key of a disabled user': await newKey(database, disabled),
    'key of the owner for reading': await newKey(database, owner, { scopes: ['read'] }),
    'key of the owner for another collection': await newKey(database, owner, { collectionIds: [otherCollection] }),
    stranger: await member(),
    reader: await member((id) => share(database, collectionId, id, 'reader')),
    'reader by a group': await member((id) => shareWithGroup(database, collectionId, id, 'reader')),
    writer: await member((id) => share(database, collectionId, id, 'writer')),
    manager: await member((id) => share(database, collectionId, id, 'manager')),
    owner: await newKey(database, owner),
    operator: await newKey(database, await newUser(database, 'operator')),
    admin: await newKey(database, await newUser(database, 'admin')),
  };
  groupId = (await as('admin').post('/api/v1/groups').send({ name: randomUUID() })).body.id;
  ids = await failedWork();
  const { jobId } = await failedWork();
  retryGroupId = (await as('owner').post(`/api/v1/jobs/${jobId}/chunks/retry`)).body.group_id;
});
afterAll(() => api.stop());

async function failedWork() {
  const work = await endedDocument(api.database, 2, {
    failures: { 1: 'EMBEDDING_REJECTED' },
    failedPages: [3],
    collectionId,
  });
  return { ...work, chunkId: work.chunkIds[1] ?? '' };
}

/** Sends requests as the principal. */
function as(name: PrincipalName) {
  const key = keys[name];
  return key === undefined ? api.anonymous : api.anonymous.set('Authorization', `Bearer ${key}`);
}

type Client = ReturnType<typeof as>;

/** A good call of each endpoint, about the owner's collection. */
const calls: Record<string, (client: Client) => Test | Promise<Response>> = {
  getHealth: (client) => client.get('/healthz'),
  getReadiness: (client) => client.get('/readyz'),
  getMetrics: (client) => client.get('/metrics'),
  uploadDocument: async (client) =>
    client
      .post('/api/v1/documents')
      .field('collection_id', collectionId)
      .attach('file', await textPdf([randomUUID()]), 'a.pdf'),
  listDocuments: (client) => client.get('/api/v1/documents'),
  changeDocument: (client) => client.patch(`/api/v1/documents/${ids.documentId}`).send({ metadata: { year: 2026 } }),
  getDocument: (client) => client.get(`/api/v1/documents/${ids.documentId}`),
  deleteDocument: async (client) =>
    client.delete(`/api/v1/documents/${(await acceptedDocument(api.database, { collectionId })).documentId}`),
  listDocumentChunks: (client) => client.get(`/api/v1/documents/${ids.documentId}/chunks`),
  listDocumentPages: (client) => client.get(`/api/v1/documents/${ids.documentId}/pages`),
  listDocumentVersions: (client) => client.get(`/api/v1/documents/${ids.documentId}/versions`),
  restoreDocument: (client) => client.post(`/api/v1/documents/${ids.documentId}/restore`),
  listJobs: (client) => client.get('/api/v1/jobs'),
  getJob: (client) => client.get(`/api/v1/jobs/${ids.jobId}`),
  cancelJob: async (client) =>
    client.post(`/api/v1/jobs/${(await acceptedDocument(api.database, { collectionId })).jobId}/cancel`),
  listJobChunks: (client) => client.get(`/api/v1/jobs/${ids.jobId}/chunks`),
  getJobChunk: (client) => client.get(`/api/v1/jobs/${ids.jobId}/chunks/${ids.chunkId}`),
  retryJobChunks: async (client) => client.post(`/api/v1/jobs/${(await failedWork()).jobId}/chunks/retry`),
  retryJobPages: async (client) => client.post(`/api/v1/jobs/${(await failedWork()).jobId}/pages/retry`),
  createCollection: (client) => client.post('/api/v1/collections').send({ name: randomUUID() }),
  listCollections: (client) => client.get('/api/v1/collections'),
  getCollection: (client) => client.get(`/api/v1/collections/${collectionId}`),
  changeCollection: (client) => client.patch(`/api/v1/collections/${collectionId}`).send({ name: randomUUID() }),
  // Into the same collection: a move changes nothing, and a copy is a duplicate.
  moveDocument: (client) =>
    client.post(`/api/v1/documents/${ids.documentId}/move`).send({ collection_id: collectionId }),
  copyDocument: async (client) => {
    await api.database.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [ids.documentId]);
    return client.post(`/api/v1/documents/${ids.documentId}/copy`).send({ collection_id: collectionId });
  },
  // Whoever may delete it sends a wrong name, because the other calls need it.
  deleteCollection: (client) => client.delete(`/api/v1/collections/${collectionId}?name=other`),
  listCollectionMembers: (client) => client.get(`/api/v1/collections/${collectionId}/members`),
  shareCollection: async (client) =>
    client
      .put(`/api/v1/collections/${collectionId}/members`)
      .send({ user_id: await newUser(api.database), role: 'reader' }),
  unshareCollection: async (client) => {
    const member = await newUser(api.database);
    await share(api.database, collectionId, member, 'reader');
    return client.delete(`/api/v1/collections/${collectionId}/members/${member}`);
  },
  'unshareCollection of oneself': async (client) => {
    const id = (await client.get('/api/v1/me')).body.user?.id;
    const members = await api.database.collectionMembers.list(collectionId);
    const answer = await client.delete(`/api/v1/collections/${collectionId}/members/${id}`);
    if (answer.status === 204) {
      await share(api.database, collectionId, id, members.find((member) => member.id === id)?.role ?? 'reader');
    }
    return answer;
  },
  getEmbeddingModels: (client) => client.get('/api/v1/embedding-models'),
  retryFailures: (client) => client.post('/api/v1/retries').send({ collection_id: collectionId, dry_run: true }),
  listRetries: (client) => client.get('/api/v1/retries'),
  getRetryGroup: (client) => client.get(`/api/v1/retries/${retryGroupId}`),
  listActions: (client) => client.get('/api/v1/actions'),
  createToken: (client) =>
    client
      .post('/api/v1/auth/token')
      .send({ grant_type: 'password', email: 'admin@localhost', password: testAdminPassword }),
  signOut: (client) => client.post('/api/v1/auth/sign-out').send({ refresh_token: 'unknown' }),
  getPublicKeys: (client) => client.get('/.well-known/jwks.json'),
  rotateSigningKey: (client) => client.post('/api/v1/auth/signing-keys/rotate'),
  createUser: (client) => client.post('/api/v1/users').send({ email: `${randomUUID()}@example.org` }),
  listUsers: (client) => client.get('/api/v1/users'),
  getUser: (client) => client.get(`/api/v1/users/${ownerId}`),
  changeUser: (client) => client.patch(`/api/v1/users/${ownerId}`).send({ name: 'The owner' }),
  deleteUser: async (client) => client.delete(`/api/v1/users/${await newUser(api.database)}`),
  createGroup: (client) => client.post('/api/v1/groups').send({ name: randomUUID() }),
  listGroups: (client) => client.get('/api/v1/groups'),
  getGroup: (client) => client.get(`/api/v1/groups/${groupId}`),
  renameGroup: (client) => client.patch(`/api/v1/groups/${groupId}`).send({ name: randomUUID() }),
  deleteGroup: async (client) => {
    const group = await as('admin').post('/api/v1/groups').send({ name: randomUUID() });
    return client.delete(`/api/v1/groups/${group.body.id}`);
  },
  listGroupMembers: (client) => client.get(`/api/v1/groups/${groupId}/members`),
  addGroupMember: (client) => client.put(`/api/v1/groups/${groupId}/members/${ownerId}`),
  removeGroupMember: (client) => client.delete(`/api/v1/groups/${groupId}/members/${ownerId}`),
  getMe: (client) => client.get('/api/v1/me'),
  changeMe: (client) => client.patch('/api/v1/me').send({ name: 'Somebody' }),
  createKey: (client) => client.post('/api/v1/keys').send({ name: 'a key', scopes: ['read'] }),
  listKeys: (client) => client.get('/api/v1/keys'),
  revokeKey: async (client) => client.delete(`/api/v1/keys/${await ownersKey()}`),
  searchChunks: (client) => client.post('/api/v1/search').send({ query: 'a chunk', collection_id: collectionId }),
};

/** Makes another key of the owner. @returns its id. */
async function ownersKey(): Promise<string> {
  return (
    await as('owner')
      .post('/api/v1/keys')
      .send({ name: 'another', scopes: ['read'] })
  ).body.id;
}

const refusals = new Map<number, Expected>([
  [401, 401],
  [403, 403],
  [404, 404],
]);

describe('Who may do what', () => {
  test('When an endpoint is declared, then this test says who may call it', () => {
    const names = endpoints.map(({ operationId }) => operationId).sort();
    const rows = Object.keys(expectations);
    expect([...new Set(rows.map((row) => row.split(' ')[0]))].sort()).toEqual(names);
    expect(Object.keys(calls).sort()).toEqual(rows.sort());
  });

  test.each(Object.entries(expectations))('%s', async (row, expected) => {
    const given: Partial<Record<PrincipalName, Expected>> = {};
    for (const name of principals) {
      const answer = await calls[row]?.(as(name));
      given[name] = refusals.get(answer?.status ?? 0) ?? 'yes';
      expect(answer?.status).toBeLessThan(500);
    }
    expect(given).toEqual(expected);
  });
});

describe('What a list shows', () => {
  const shown: Record<string, (body: Record<string, { [name: string]: unknown }[]>) => unknown[] | undefined> = {
    '/api/v1/documents': ({ documents }) => documents?.map((row) => row.collection_id),
    '/api/v1/jobs': ({ jobs }) => jobs?.map((row) => row.collection_id),
    '/api/v1/actions': ({ actions }) => actions?.map((row) => row.collection_id),
  };

  test.each(Object.keys(shown))('%s has only rows of collections that the principal may use', async (path) => {
    const { jobId } = await endedDocument(api.database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    await as('admin').post(`/api/v1/jobs/${jobId}/chunks/retry`);
    const list = async (name: PrincipalName) => shown[path]?.((await as(name).get(path)).body) ?? [];
    for (const name of ['stranger', 'key of the owner for another collection'] as const) {
      const collections = await list(name);
      expect(collections).not.toContain(collectionId);
      expect(collections).not.toContain(defaultCollectionId);
    }
    for (const name of ['reader', 'reader by a group', 'owner', 'key of the owner for reading'] as const) {
      const collections = await list(name);
      expect(collections).toContain(collectionId);
      expect(collections).not.toContain(defaultCollectionId);
    }
    expect(await list('operator')).toEqual(expect.arrayContaining([collectionId, defaultCollectionId]));
  });

  test('When a stranger asks for a collection, a document or a job by its id, then it does not exist', async () => {
    for (const query of [`collection_id=${collectionId}`, `document_id=${ids.documentId}`]) {
      expect((await as('stranger').get(`/api/v1/jobs?${query}`)).status).toBe(404);
    }
    expect((await as('stranger').get(`/api/v1/documents?collection_id=${collectionId}`)).status).toBe(404);
  });

  test('When retries are listed, then a user sees its own', async () => {
    const idsOf = async (name: PrincipalName) =>
      ((await as(name).get('/api/v1/retries')).body.retries as { group_id: string }[]).map((group) => group.group_id);
    expect(await idsOf('owner')).toContain(retryGroupId);
    expect(await idsOf('operator')).toContain(retryGroupId);
    expect(await idsOf('manager')).not.toContain(retryGroupId);
  });
});

describe('What a search finds', () => {
  const find = async (name: PrincipalName, more: object = {}) =>
    (
      await as(name)
        .post('/api/v1/search')
        .send({ query: 'Chunk of document', limit: 50, ...more })
    ).body.hits as {
      collection_id: string;
    }[];

  test('When it names no collection, then it finds only what the principal may read', async () => {
    await endedDocument(api.database, 2);
    for (const name of ['stranger', 'operator', 'key of the owner for another collection'] as const) {
      expect(await find(name)).toEqual([]);
    }
    for (const name of ['reader', 'reader by a group', 'owner'] as const) {
      expect(new Set((await find(name)).map((hit) => hit.collection_id))).toEqual(new Set([collectionId]));
    }
    expect(new Set((await find('admin')).map((hit) => hit.collection_id)).size).toBeGreaterThan(1);
  });

  test('When its filter names what others have, then it finds nothing of theirs', async () => {
    expect(await find('stranger', { filter: { metadata: {} } })).toEqual([]);
    const answer = await as('stranger').post('/api/v1/search').send({ query: 'a', document_id: ids.documentId });
    expect(answer.body).toMatchObject({ code: 'DOCUMENT_NOT_FOUND', status: 404 });
  });
});

describe('A role', () => {
  test('When it is withdrawn, then the next request is refused', async () => {
    const { database } = api;
    const user = await newUser(database);
    await share(database, collectionId, user, 'reader');
    const key = await newKey(database, user);
    const get = () => api.anonymous.set('X-API-Key', key).get(`/api/v1/documents/${ids.documentId}`);
    expect((await get()).status).toBe(200);
    await database.sql.none('DELETE FROM collection_members WHERE user_id = $1', [user]);
    expect((await get()).status).toBe(404);
    await database.sql.none(`UPDATE users SET status = 'disabled' WHERE id = $1`, [user]);
    expect((await get()).status).toBe(401);
  });

  test('When a user has two roles in a collection, then the higher one counts', async () => {
    const { database } = api;
    const user = await newUser(database);
    await share(database, collectionId, user, 'reader');
    await shareWithGroup(database, collectionId, user, 'writer');
    const client = api.anonymous.set('X-API-Key', await newKey(database, user));
    expect((await client.patch(`/api/v1/documents/${ids.documentId}`).send({ metadata: {} })).status).toBe(200);
  });
});

describe('An upload that names no collection', () => {
  const upload = async (key: string) =>
    api.anonymous
      .set('X-API-Key', key)
      .post('/api/v1/documents')
      .attach('file', await textPdf([randomUUID()]), 'a.pdf');

  test('goes into the default collection of the user, or into the only one of the key', async () => {
    const { database } = api;
    const user = await newUser(database);
    expect((await upload(await newKey(database, user))).body).toMatchObject({ code: 'REQUEST_INVALID' });
    const own = await newCollectionOf(database, user);
    await database.sql.none('UPDATE users SET default_collection_id = $1 WHERE id = $2', [own, user]);
    expect((await upload(await newKey(database, user))).body.document.collection_id).toBe(own);
    const other = await newCollectionOf(database, user);
    const limited = await newKey(database, user, { collectionIds: [other] });
    const change = async (id: string | null) =>
      api.anonymous
        .set('X-API-Key', await newKey(database, user))
        .patch('/api/v1/me')
        .send({ default_collection_id: id });
    expect((await change(other)).body.user.default_collection_id).toBe(other);
    expect((await change(collectionId)).body).toMatchObject({ code: 'COLLECTION_NOT_FOUND' });
    expect((await change(null)).body.user.default_collection_id).toBeNull();
    expect((await upload(await newKey(database, user))).body).toMatchObject({ code: 'REQUEST_INVALID' });
    expect((await upload(limited)).body.document.collection_id).toBe(other);
  });
});
