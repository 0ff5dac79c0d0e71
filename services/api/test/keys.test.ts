import { randomUUID } from 'node:crypto';
import { type KeyScope, keyScope } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newCollectionOf, newKey, newUser, share } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const withKey = (key: string) => api.anonymous.set('X-API-Key', key);
const make = (key: string, body: object = {}) =>
  withKey(key)
    .post('/api/v1/keys')
    .send({ name: 'a key', scopes: ['read'], ...body });
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

describe('A new API key', () => {
  test('is shown once, stored as its hash, and works at once', async () => {
    const user = await newUser(database);
    const maker = await newKey(database, user);
    const { status, body, headers } = await make(maker, { name: 'nightly import', expires_at: inAnHour() });
    expect(status).toBe(201);
    expect(headers['cache-control']).toBe('no-store');
    expect(body.key.startsWith(body.prefix)).toBe(true);
    expect(Buffer.from(body.key.slice(3), 'base64url').length).toBe(32);
    expect((await withKey(body.key).get('/api/v1/me')).body).toMatchObject({ user: { id: user }, scopes: ['read'] });
    const listed = await withKey(maker).get('/api/v1/keys');
    expect(listed.body.keys[0]).toMatchObject({ id: body.id, name: 'nightly import', configured: false });
    expect(JSON.stringify(listed.body)).not.toContain(body.key);
    const { stored } = await database.sql.one<{ stored: string }>(
      'SELECT k::text AS stored FROM api_keys k WHERE id = $1',
      [body.id],
    );
    expect(stored).not.toContain(body.key);
    const actions = await api.client.get(`/api/v1/actions?user_id=${user}&kind=key_created`);
    expect(actions.body.actions).toMatchObject([{ details: { prefix: body.prefix }, user_id: user }]);
  });

  test('When it is revoked, then it is refused at once, and the list says by whom', async () => {
    const user = await newUser(database);
    const maker = await newKey(database, user);
    const { body } = await make(maker);
    const stranger = await newKey(database, await newUser(database));
    expect((await withKey(stranger).delete(`/api/v1/keys/${body.id}`)).body.code).toBe('KEY_NOT_FOUND');
    expect((await withKey(maker).delete(`/api/v1/keys/${body.id}`)).status).toBe(204);
    expect((await withKey(body.key).get('/api/v1/me')).status).toBe(401);
    expect((await api.client.delete(`/api/v1/keys/${body.id}`)).status).toBe(204);
    const { keys } = (await api.client.get(`/api/v1/keys?user_id=${user}`)).body;
    expect(keys.find((key: { id: string }) => key.id === body.id)).toMatchObject({
      revoked_at: expect.any(String),
      revoked_by: expect.stringMatching(/^api-key:/),
    });
    const actions = await api.client.get(`/api/v1/actions?user_id=${user}&kind=key_revoked`);
    expect(actions.body.actions).toHaveLength(1);
    expect((await withKey(maker).get('/api/v1/me')).status).toBe(200);
  });

  test.each([
    ['a scope twice', { scopes: ['read', 'read'] }, 201],
    ['no scope', { scopes: [] }, 400],
    ['an unknown scope', { scopes: ['everything'] }, 400],
    ['an end in the past', { expires_at: '2020-01-01T00:00:00Z' }, 400],
    ['no name', { name: ' ' }, 400],
    ['a collection that does not exist', { collection_ids: [randomUUID()] }, 404],
  ])('When it has %s, then the answer says so', async (_what, body, status) => {
    expect((await make(await newKey(database, await newUser(database)), body)).status).toBe(status);
  });
});

describe('A key never exceeds its maker', () => {
  const allowed: Record<string, KeyScope[]> = {
    member: ['read', 'write', 'account'],
    operator: ['read', 'write', 'operate', 'account'],
    admin: ['read', 'write', 'operate', 'account', 'admin'],
  };

  test.each(['member', 'operator', 'admin'] as const)(
    'A user with the role %s makes keys with its scopes',
    async (role) => {
      const maker = await newKey(database, await newUser(database, role));
      for (const scope of keyScope.options) {
        const { status } = await make(maker, { scopes: [scope] });
        expect([scope, status]).toEqual([scope, allowed[role]?.includes(scope) ? 201 : 403]);
      }
    },
  );

  test('A key makes keys with its own scopes alone', async () => {
    const maker = await newKey(database, await newUser(database, 'admin'), { scopes: ['read', 'account'] });
    expect((await make(maker, { scopes: ['read', 'account'] })).status).toBe(201);
    for (const scope of ['write', 'operate', 'admin']) {
      expect((await make(maker, { scopes: ['read', scope] })).body).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  test('A key without the scope account makes none', async () => {
    const maker = await newKey(database, await newUser(database, 'admin'), { scopes: ['read', 'write', 'admin'] });
    expect((await make(maker)).body).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('A key for some collections makes none', async () => {
    const user = await newUser(database);
    const collection = await newCollectionOf(database, user);
    const maker = await newKey(database, user, { collectionIds: [collection] });
    expect((await make(maker, { collection_ids: [collection] })).body).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('A key that ends makes none that outlives it', async () => {
    const user = await newUser(database);
    const maker = await newKey(database, user, { changes: `expires_at = now() + interval '2 hours'` });
    expect((await make(maker, { expires_at: inAnHour() })).status).toBe(201);
    for (const body of [{}, { expires_at: new Date(Date.now() + 3 * 3_600_000).toISOString() }]) {
      expect((await make(maker, body)).body).toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  test('A key is limited only to collections that its user may see', async () => {
    const owner = await newUser(database);
    const collection = await newCollectionOf(database, owner);
    const user = await newUser(database);
    const maker = await newKey(database, user);
    expect((await make(maker, { collection_ids: [collection] })).body.code).toBe('COLLECTION_NOT_FOUND');
    await share(database, collection, user, 'reader');
    expect((await make(maker, { collection_ids: [collection] })).status).toBe(201);
  });

  test('A member makes and lists keys of nobody else, and an admin within the rights of that user', async () => {
    const member = await newUser(database);
    const other = await newUser(database);
    const maker = await newKey(database, member);
    expect((await make(maker, { user_id: other })).body.code).toBe('USER_NOT_FOUND');
    expect((await withKey(maker).get(`/api/v1/keys?user_id=${other}`)).body.code).toBe('USER_NOT_FOUND');
    const admin = await newKey(database, await newUser(database, 'admin'));
    const made = await make(admin, { user_id: other, scopes: ['read', 'write'] });
    expect((await withKey(made.body.key).get('/api/v1/me')).body.user.id).toBe(other);
    expect((await make(admin, { user_id: other, scopes: ['admin'] })).body.code).toBe('FORBIDDEN');
    const narrow = await newKey(database, await newUser(database, 'admin'), { scopes: ['read', 'account'] });
    expect((await make(narrow, { user_id: other })).body.code).toBe('USER_NOT_FOUND');
  });

  test('A key loses what its user loses', async () => {
    const user = await newUser(database, 'operator');
    const { key } = (await make(await newKey(database, user), { scopes: ['operate'] })).body;
    expect((await withKey(key).get('/metrics')).status).toBe(200);
    await api.client.patch(`/api/v1/users/${user}`).send({ role: 'member' });
    expect((await withKey(key).get('/metrics')).status).toBe(403);
  });
});
