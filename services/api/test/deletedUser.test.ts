import { setTimeout as pause } from 'node:timers/promises';
import type { Database } from '@millrace/database';
import { hasLockWaits, newCollection } from '@millrace/test-support/lifecycle';
import type { Response } from 'supertest';
import { newKey, newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

/** Sends a request while a transaction deletes a row, and commits that transaction once the request waits for it. */
async function answeredAfter(remove: string, id: string, send: () => PromiseLike<Response>): Promise<Response> {
  let answer: Promise<Response> | undefined;
  await database.transaction(async ({ sql }) => {
    await sql.none(`DELETE FROM ${remove} WHERE id = $1`, [id]);
    answer = Promise.resolve(send());
    while (!(await hasLockWaits(database, 1))) {
      await pause(20);
    }
  });
  return answer as Promise<Response>;
}

/** A user without collections, and a key of it. Its use has just been noted, so that a request does not note it. */
async function userWithKey() {
  const id = await newUser(database);
  const key = await newKey(database, id, { changes: 'last_used_at = now()' });
  return { id, client: api.anonymous.set('X-API-Key', key) };
}

describe('When a user is deleted while its request runs, then the request is refused like one of an unknown user', () => {
  test('making a collection', async () => {
    const { id, client } = await userWithKey();
    const answer = await answeredAfter('users', id, () => client.post('/api/v1/collections').send({ name: 'mine' }));
    expect(answer.body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  test('uploading with an Idempotency-Key', async () => {
    const { id, client } = await userWithKey();
    const collectionId = await newCollection(database);
    await database.sql.none(`INSERT INTO collection_members (collection_id, user_id, role) VALUES ($1, $2, 'writer')`, [
      collectionId,
      id,
    ]);
    const answer = await answeredAfter('users', id, () =>
      client
        .post(`/api/v1/documents?collection_id=${collectionId}`)
        .set('Content-Type', 'text/plain')
        .set('Idempotency-Key', 'once')
        .send('words'),
    );
    expect(answer.body).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });

  test('making a key', async () => {
    const { id, client } = await userWithKey();
    const answer = await answeredAfter('users', id, () =>
      client.post('/api/v1/keys').send({ name: 'another', scopes: ['read'] }),
    );
    expect(answer.body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
  });
});

describe('When a user or a group is deleted while a request names it, then it is not found', () => {
  const requests: [string, (id: string, collectionId: string) => PromiseLike<Response>][] = [
    ['sharing', (id, c) => api.client.put(`/api/v1/collections/${c}/members`).send({ user_id: id, role: 'reader' })],
    ['handing over', (id, c) => api.client.patch(`/api/v1/collections/${c}`).send({ owner_id: id })],
    ['making a key', (id) => api.client.post('/api/v1/keys').send({ name: 'k', scopes: ['read'], user_id: id })],
  ];

  test.each(requests)('%s', async (_what, send) => {
    const id = await newUser(database);
    const collectionId = await newCollection(database);
    const answer = await answeredAfter('users', id, () => send(id, collectionId));
    expect(answer.body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
  });

  test('deleting another user whose collections it would get', async () => {
    const [from, to] = [await newUser(database), await newUser(database)];
    const answer = await answeredAfter('users', to, () => api.client.delete(`/api/v1/users/${from}?transfer_to=${to}`));
    expect(answer.body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
    expect((await api.client.get(`/api/v1/users/${from}`)).status).toBe(200);
  });

  test('sharing with a group', async () => {
    const { id } = (await api.client.post('/api/v1/groups').send({ name: crypto.randomUUID() })).body;
    const collectionId = await newCollection(database);
    const answer = await answeredAfter('groups', id, () =>
      api.client.put(`/api/v1/collections/${collectionId}/members`).send({ group_id: id, role: 'reader' }),
    );
    expect(answer.body).toMatchObject({ status: 404, code: 'GROUP_NOT_FOUND' });
  });
});

test('When collections would go to a disabled user, then USER_NOT_FOUND, and nothing is deleted', async () => {
  const [from, to] = [await newUser(database), await newUser(database)];
  await database.sql.none(`UPDATE users SET status = 'disabled' WHERE id = $1`, [to]);
  const { body } = await api.client.delete(`/api/v1/users/${from}?transfer_to=${to}`);
  expect(body).toMatchObject({ status: 404, code: 'USER_NOT_FOUND' });
  expect((await api.client.get(`/api/v1/users/${from}`)).status).toBe(200);
});
