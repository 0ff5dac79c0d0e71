import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '@millrace/contracts';
import { type Database, firstAdminId } from '@millrace/database';
import { endedDocument } from '@millrace/test-support/lifecycle';
import { newCollectionOf, newKey, newUser, share } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

/** Requests as a user. */
async function clientOf(user: string): Promise<() => TestApi['client']> {
  const key = await newKey(database, user);
  return () => api.anonymous.set('X-API-Key', key);
}

/** A collection with a manager, a reader and a document that has failed in part. */
async function made(code: ErrorCode = 'EMBEDDING_REJECTED') {
  const user = await newUser(database);
  const id = await newCollectionOf(database, user);
  const member = async (role: 'manager' | 'reader') => {
    const added = await newUser(database);
    await share(database, id, added, role);
    return clientOf(added);
  };
  const people = { owner: await clientOf(user), manager: await member('manager'), reader: await member('reader') };
  const work = await endedDocument(database, 2, { collectionId: id, failures: { 0: code } });
  return { id, path: `/api/v1/collections/${id}`, ...people, admin: () => api.client, ...work };
}

describe('Deleting a collection', () => {
  test('When the query does not confirm it, then nothing is deleted', async () => {
    const { id, path, owner, reader } = await made();
    const remove = async (query: string) => (await owner().delete(`${path}${query}`)).body;
    expect(await remove('')).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ path: 'name' }] });
    expect(await remove('?name=other')).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ path: 'name' }] });
    expect(await remove('?if_empty=true')).toMatchObject({ code: 'COLLECTION_NOT_EMPTY' });
    expect((await reader().delete(`${path}?name=${id}`)).body.code).toBe('FORBIDDEN');
    expect((await owner().get(path)).body).toMatchObject({ status: 'active', documents: { total: 1 } });
  });

  test('When it is empty, then if_empty deletes it', async () => {
    const id = await newCollectionOf(database, firstAdminId);
    expect((await api.client.delete(`/api/v1/collections/${id}?if_empty=true`)).status).toBe(202);
  });

  test('When it is deleted, then at once nobody finds anything of it, and a manager sees what is left', async () => {
    const { id, path, documentId, jobId, owner, manager, reader, admin } = await made('EMBEDDING_DIMENSION_MISMATCH');
    const search = { query: `Chunk 1 of document ${documentId}`, limit: 50 };
    const hits = async (client: () => TestApi['client']) =>
      ((await client().post('/api/v1/search').send(search)).body.hits as { document_id: string }[]).map(
        (hit) => hit.document_id,
      );
    const retry = { error_codes: ['EMBEDDING_DIMENSION_MISMATCH'], dry_run: true };
    const retries = async (client: () => TestApi['client']) =>
      (await client().post('/api/v1/retries').send(retry)).body;
    expect(await hits(admin)).toContain(documentId);
    expect(await retries(admin)).toMatchObject({ scheduled: 1 });
    const deleted = await manager().delete(`${path}?name=${id}`);
    expect(deleted).toMatchObject({ status: 202, body: { id, status: 'deleting', documents: { total: 1 } } });
    for (const who of [manager, owner, admin]) {
      expect((await who().get(path)).body).toMatchObject({ status: 'deleting', documents: { total: 1 }, chunks: 2 });
      expect((await who().patch(path).send({ name: 'new' })).status).toBe(404);
      expect((await who().delete(`${path}?name=${id}`)).status).toBe(404);
      expect((await who().get(`${path}/members`)).status).toBe(404);
      expect((await who().get(`/api/v1/documents/${documentId}`)).status).toBe(404);
      expect((await who().delete(`/api/v1/documents/${documentId}`)).status).toBe(404);
      expect((await who().post(`/api/v1/jobs/${jobId}/chunks/retry`)).status).toBe(404);
      expect((await who().get(`/api/v1/documents?collection_id=${id}`)).status).toBe(404);
      const lists = await Promise.all(
        ['documents', 'jobs', 'collections'].map(async (list) => (await who().get(`/api/v1/${list}?limit=500`)).text),
      );
      expect(lists.join()).not.toContain(id);
      expect(await hits(who)).not.toContain(documentId);
      expect(await retries(who)).toMatchObject({ scheduled: 0 });
    }
    expect((await reader().get(path)).status).toBe(404);
    const answer = await owner().post(`/api/v1/documents?collection_id=${id}`).type('text/plain').send('a text');
    expect(answer).toMatchObject({ status: 404, body: { code: 'COLLECTION_NOT_FOUND' } });
  });

  test('When it is deleted, then its name is free, and it is no default collection any more', async () => {
    const user = await newUser(database);
    const key = await newKey(database, user);
    const client = () => api.anonymous.set('X-API-Key', key);
    const { body } = await client().post('/api/v1/collections').send({ name: 'plans' });
    await database.sql.none('UPDATE users SET default_collection_id = $1 WHERE id = $2', [body.id, user]);
    expect((await client().delete(`/api/v1/collections/${body.id}?name=plans`)).status).toBe(202);
    expect((await client().post('/api/v1/collections').send({ name: 'plans' })).status).toBe(201);
    const upload = await client().post('/api/v1/documents').type('text/plain').send('a text');
    expect(upload.body).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ path: 'collection_id' }] });
    const { actions } = (await api.client.get('/api/v1/actions?kind=delete_collection')).body;
    expect(actions).toContainEqual(expect.objectContaining({ collection_id: body.id, details: { name: 'plans' } }));
  });

  test('When uploads come while it is deleted, then each is refused or is removed with it', async () => {
    const id = await newCollectionOf(database, firstAdminId);
    const upload = async () =>
      api.client.post(`/api/v1/documents?collection_id=${id}`).type('text/plain').send(randomUUID());
    const uploads = Array.from({ length: 8 }, upload);
    await Promise.race(uploads);
    expect((await api.client.delete(`/api/v1/collections/${id}?name=${id}`)).status).toBe(202);
    const accepted = (await Promise.all(uploads)).filter(({ status }) => status === 202);
    expect((await api.client.get(`/api/v1/collections/${id}`)).body.documents.total).toBe(accepted.length);
    expect((await upload()).status).toBe(404);
  });
});
