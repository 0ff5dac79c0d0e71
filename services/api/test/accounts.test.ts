import { randomUUID } from 'node:crypto';
import { changeUser, deleteUser } from '@millrace/accounts';
import { MillraceError, type UserRole } from '@millrace/contracts';
import { type Database, firstAdminId } from '@millrace/database';
import { createOwnDatabase } from '@millrace/test-support/lifecycle';
import { newCollectionOf, newKey, newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

const password = 'correct horse battery';
const newEmail = () => `${randomUUID()}@example.org`;
const createUser = (body: object = {}) => api.client.post('/api/v1/users').send({ email: newEmail(), ...body });
const withKey = (key: string) => api.anonymous.set('X-API-Key', key);
const actionsAbout = async (userId: string) =>
  ((await api.client.get(`/api/v1/actions?user_id=${userId}`)).body.actions as { kind: string }[]).map(
    ({ kind }) => kind,
  );

describe('A new user', () => {
  test('has a collection of its own for uploads, and its password is stored as an argon2id hash', async () => {
    const { status, headers, body } = await createUser({ email: ' Ada@Example.ORG ', name: 'Ada', password });
    expect(status).toBe(201);
    expect(headers.location).toBe(`/api/v1/users/${body.id}`);
    expect(body).toMatchObject({ email: 'ada@example.org', name: 'Ada', role: 'member', has_password: true });
    const { owner_id, name } = await database.sql.one<{ owner_id: string; name: string }>(
      'SELECT owner_id, name FROM collections WHERE id = $1',
      [body.default_collection_id],
    );
    expect([owner_id, name]).toEqual([body.id, 'default']);
    expect(await database.users.findPasswordHash(body.id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(JSON.stringify(body)).not.toContain('argon2');
    expect(await actionsAbout(body.id)).toEqual(['user_created']);
    expect((await createUser({ email: 'ADA@example.org' })).body).toMatchObject({ status: 409, code: 'EMAIL_TAKEN' });
  });

  test.each([
    ['a password of eleven characters', { password: 'x'.repeat(11) }, 'password'],
    ['a password of more than a thousand bytes', { password: 'é'.repeat(501) }, 'password'],
    ['a password with broken Unicode', { password: `${'x'.repeat(20)}\ud800` }, 'password'],
    ['no e-mail address', { email: 'ada' }, 'email'],
    ['an e-mail address with a line break', { email: 'ada\n@example.org' }, 'email'],
    ['a NUL in the name', { name: 'a\0b' }, 'name'],
    ['an unknown role', { role: 'root' }, 'role'],
  ])('When it would have %s, then REQUEST_INVALID', async (_what, body, path) => {
    expect((await createUser(body)).body).toMatchObject({ code: 'REQUEST_INVALID', errors: [{ path }] });
  });

  test('When its password has twelve characters of any kind, then it is accepted', async () => {
    expect((await createUser({ password: '😀'.repeat(12) })).status).toBe(201);
    expect((await createUser({ password: 'é'.repeat(500) })).status).toBe(201);
  });
});

describe('A change of a user', () => {
  test('counts at the next request, and is recorded', async () => {
    const { body } = await createUser();
    const client = () => api.anonymous.set('X-API-Key', key);
    const key = await newKey(database, body.id);
    const patch = (change: object) => api.client.patch(`/api/v1/users/${body.id}`).send(change);
    expect((await client().get('/api/v1/users')).status).toBe(403);
    expect((await patch({ role: 'admin' })).body).toMatchObject({ role: 'admin', status: 'active' });
    expect((await client().get('/api/v1/users')).status).toBe(200);
    expect((await patch({ status: 'disabled', name: 'Gone' })).body).toMatchObject({ status: 'disabled' });
    expect((await client().get('/api/v1/me')).status).toBe(401);
    expect((await patch({ status: 'active', role: 'member', password })).body).toMatchObject({ has_password: true });
    expect((await client().get('/api/v1/me')).status).toBe(200);
    expect((await patch({ password: null })).body).toMatchObject({ has_password: false });
    expect((await actionsAbout(body.id)).sort()).toEqual(
      [
        'user_created',
        'user_changed',
        'user_changed',
        'user_disabled',
        'user_changed',
        'password_changed',
        'password_changed',
      ].sort(),
    );
    const other = await createUser();
    expect((await patch({ email: other.body.email })).body).toMatchObject({ status: 409, code: 'EMAIL_TAKEN' });
    expect((await api.client.patch(`/api/v1/users/${randomUUID()}`).send({ name: 'A' })).body.code).toBe(
      'USER_NOT_FOUND',
    );
  });

  test('When users are listed, then filters and pages hold', async () => {
    const email = newEmail();
    const { body } = await createUser({ email, role: 'operator' });
    await createUser({ role: 'operator' });
    const list = async (query: string) => (await api.client.get(`/api/v1/users?${query}`)).body;
    expect((await list(`email=${email.toUpperCase()}`)).users).toMatchObject([{ id: body.id }]);
    const operators = await list('role=operator&limit=1');
    expect(operators.users).toHaveLength(1);
    const rest = await list(`role=operator&cursor=${operators.next_cursor}`);
    expect(rest.users.map((user: { id: string }) => user.id)).toContain(body.id);
    expect((await list('status=disabled,active')).users.length).toBeGreaterThan(1);
  });
});

describe('The own account', () => {
  test('shows the user and the limits of the key', async () => {
    const user = await newUser(database);
    const collection = await newCollectionOf(database, user);
    const limited = await newKey(database, user, { scopes: ['read'], collectionIds: [collection] });
    expect((await withKey(limited).get('/api/v1/me')).body).toMatchObject({
      user: { id: user, role: 'member' },
      kind: 'api-key',
      scopes: ['read'],
      collection_ids: [collection],
    });
  });

  test('When the password is changed, then the current one is needed', async () => {
    const { body } = await createUser({ password });
    const client = () => withKey(key);
    const key = await newKey(database, body.id);
    const change = (sent: object) => client().patch('/api/v1/me').send(sent);
    const next = 'another long password';
    expect((await change({ password: next })).body).toMatchObject({ errors: [{ path: 'current_password' }] });
    expect((await change({ password: next, current_password: 'wrong' })).body).toMatchObject({
      status: 403,
      code: 'PASSWORD_WRONG',
    });
    const { actions } = (await api.client.get(`/api/v1/actions?user_id=${body.id}&kind=sign_in_failed`)).body;
    expect(actions).toEqual([expect.objectContaining({ requested_by: expect.stringMatching(/^api-key:/) })]);
    expect((await change({ password: next, current_password: password, name: 'Ada' })).body.user.name).toBe('Ada');
    expect((await change({ password, current_password: next })).status).toBe(200);
    const service = await newKey(database, await newUser(database));
    const first = await withKey(service).patch('/api/v1/me').send({ password, current_password: '' });
    expect(first.body.code).toBe('PASSWORD_WRONG');
  });
});

describe('A user who is deleted', () => {
  test('When it owns collections, then another user must get them', async () => {
    const [from, to] = [(await createUser()).body, (await createUser()).body];
    const plain = await newCollectionOf(database, from.id);
    const key = await newKey(database, from.id);
    const refused = await api.client.delete(`/api/v1/users/${from.id}`);
    expect(refused.body).toMatchObject({ status: 409, code: 'USER_OWNS_COLLECTIONS', collections: 2 });
    const unknown = await api.client.delete(`/api/v1/users/${from.id}?transfer_to=${randomUUID()}`);
    expect(unknown.body.code).toBe('USER_NOT_FOUND');
    expect((await api.client.delete(`/api/v1/users/${from.id}?transfer_to=${from.id}`)).body.code).toBe(
      'USER_OWNS_COLLECTIONS',
    );
    expect((await api.client.delete(`/api/v1/users/${from.id}?transfer_to=${to.id}`)).status).toBe(204);
    const owned = await database.sql.many<{ id: string; name: string }>(
      'SELECT id, name FROM collections WHERE owner_id = $1 ORDER BY id',
      [to.id],
    );
    expect(new Map(owned.map(({ id, name }) => [id, name]))).toEqual(
      new Map([
        [to.default_collection_id, 'default'],
        [from.default_collection_id, `default (${from.email})`],
        [plain, plain],
      ]),
    );
    expect((await withKey(key).get('/api/v1/me')).status).toBe(401);
    expect(await actionsAbout(from.id)).toEqual(['user_deleted', 'user_created']);
    expect(await actionsAbout(to.id)).toEqual(['collections_transferred', 'user_created']);
    expect((await api.client.get(`/api/v1/users/${to.id}`)).status).toBe(200);
  });

  test('When several users are replaced by one, then every name is another', async () => {
    const to = (await createUser()).body;
    const email = newEmail();
    for (let round = 0; round < 3; round += 1) {
      const from = (await createUser({ email })).body;
      expect((await api.client.delete(`/api/v1/users/${from.id}?transfer_to=${to.id}`)).status).toBe(204);
    }
    const { names } = await database.sql.one<{ names: number }>(
      'SELECT count(DISTINCT name)::integer AS names FROM collections WHERE owner_id = $1',
      [to.id],
    );
    expect(names).toBe(4);
  });

  test('When it is the first admin, then it stays', async () => {
    const refused = await api.client.delete(
      `/api/v1/users/${firstAdminId}?transfer_to=${(await createUser()).body.id}`,
    );
    expect(refused.body).toMatchObject({ status: 409, code: 'FIRST_ADMIN' });
  });
});

describe('The last active admin', () => {
  /** Takes the right to manage users away from an admin. */
  const ways: Record<string, (own: Database, id: string) => Promise<unknown>> = {
    disabled: (own, id) => changeUser(own, id, { status: 'disabled' }, { kind: 'cli' }),
    demoted: (own, id) => changeUser(own, id, { role: 'operator' }, { kind: 'cli' }),
    deleted: (own, id) => deleteUser(own, { id }, { kind: 'cli' }),
  };

  test('When it would be disabled or demoted, then LAST_ADMIN', async () => {
    const { body } = await api.client.get('/api/v1/users?role=admin&status=active');
    const others = (body.users as { id: string }[]).filter(({ id }) => id !== firstAdminId);
    for (const { id } of others) {
      await api.client.patch(`/api/v1/users/${id}`).send({ role: 'member' as UserRole });
    }
    for (const change of [{ status: 'disabled' }, { role: 'member' }]) {
      const refused = await api.client.patch(`/api/v1/users/${firstAdminId}`).send(change);
      expect(refused.body).toMatchObject({ status: 409, code: 'LAST_ADMIN' });
    }
    expect((await api.client.patch(`/api/v1/users/${firstAdminId}`).send({ name: 'Root', role: 'admin' })).status).toBe(
      200,
    );
  });

  test.each(Object.keys(ways))('When all admins are %s at the same moment, then one is left', async (way) => {
    const { database: own, dispose } = await createOwnDatabase();
    try {
      const admins = [firstAdminId];
      for (let count = 0; count < 4; count += 1) {
        admins.push(await newUser(own, 'admin'));
      }
      const attempts = await Promise.allSettled(
        admins.map((id, place) =>
          (id === firstAdminId ? ways.demoted : place % 2 === 0 ? ways[way] : ways.demoted)?.(own, id),
        ),
      );
      const refusals = attempts.flatMap((attempt) => (attempt.status === 'rejected' ? [attempt.reason] : []));
      expect(refusals.map((error) => (error instanceof MillraceError ? error.code : error))).toEqual(['LAST_ADMIN']);
      expect(await own.users.lockActiveAdmins()).toHaveLength(1);
    } finally {
      await dispose();
    }
  });
});

describe('A group', () => {
  test('has members, and its name is its own', async () => {
    const name = randomUUID();
    const group = (await api.client.post('/api/v1/groups').send({ name })).body;
    expect((await api.client.post('/api/v1/groups').send({ name })).body).toMatchObject({ code: 'GROUP_EXISTS' });
    const other = (await api.client.post('/api/v1/groups').send({ name: randomUUID() })).body;
    const renamed = await api.client.patch(`/api/v1/groups/${other.id}`).send({ name });
    expect(renamed.body).toMatchObject({ status: 409, code: 'GROUP_EXISTS' });
    const user = await newUser(database);
    const member = `/api/v1/groups/${group.id}/members/${user}`;
    expect((await api.client.put(member)).status).toBe(204);
    expect((await api.client.put(member)).status).toBe(204);
    expect((await api.client.get(`/api/v1/groups/${group.id}`)).body).toMatchObject({ name, members: 1 });
    expect((await api.client.get(`/api/v1/groups/${group.id}/members`)).body.members).toMatchObject([{ id: user }]);
    expect(await actionsAbout(user)).toEqual(['group_changed']);
    expect((await api.client.delete(member)).status).toBe(204);
    expect((await api.client.get(`/api/v1/groups/${group.id}`)).body.members).toBe(0);
    expect((await api.client.put(`/api/v1/groups/${group.id}/members/${randomUUID()}`)).body.code).toBe(
      'USER_NOT_FOUND',
    );
    expect((await api.client.put(`/api/v1/groups/${randomUUID()}/members/${user}`)).body.code).toBe('GROUP_NOT_FOUND');
    expect((await api.client.delete(`/api/v1/groups/${group.id}`)).status).toBe(204);
    expect((await api.client.get(`/api/v1/groups/${group.id}`)).body.code).toBe('GROUP_NOT_FOUND');
    expect((await api.client.get(`/api/v1/groups/${other.id}`)).status).toBe(200);
  });
});
