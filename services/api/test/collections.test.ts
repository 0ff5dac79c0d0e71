import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId } from '@millrace/database';
import { acceptedDocument, endedDocument } from '@millrace/test-support/lifecycle';
import { newKey, newUser, share } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start({ COLLECTION_MAX_DOCUMENTS: '7' });
  ({ database } = api);
});
afterAll(() => api.stop());

const path = '/api/v1/collections';

/** A new user, and requests as that user. */
async function person(role: 'member' | 'admin' = 'member') {
  const id = await newUser(database, role);
  const key = await newKey(database, id);
  return { id, email: `${id}@example.org`, client: () => api.anonymous.set('X-API-Key', key) };
}

type Person = Awaited<ReturnType<typeof person>>;

async function newCollection(owner: Person, body: object = {}): Promise<string> {
  const answer = await owner
    .client()
    .post(path)
    .send({ name: newId(), ...body });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

async function newGroup(...users: Person[]): Promise<string> {
  const id = newId();
  await database.sql.none('INSERT INTO groups (id, name) VALUES ($1, $1)', [id]);
  for (const user of users) {
    await database.sql.none('INSERT INTO group_members (group_id, user_id) VALUES ($1, $2)', [id, user.id]);
  }
  return id;
}

describe('A new collection', () => {
  test('When it comes with a new user, then it has the quotas of the installation', async () => {
    const { body: user } = await api.client.post('/api/v1/users').send({ email: `${newId()}@example.org` });
    expect((await api.client.get(`${path}/${user.default_collection_id}`)).body).toMatchObject({
      owner_id: user.id,
      quotas: { max_documents: 7, max_bytes: null, max_chunks_per_day: null },
    });
  });

  test('When a user makes one, then it has what was asked for and the quotas of the installation', async () => {
    const ada = await person();
    const body = { name: ' Contracts ', description: 'All of them', metadata: { a: [1] }, language: 'PT-br' };
    const made = await ada.client().post(path).send(body);
    expect(made).toMatchObject({
      status: 201,
      body: {
        name: 'Contracts',
        description: 'All of them',
        metadata: { a: [1] },
        language: 'pt-BR',
        status: 'active',
        owner_id: ada.id,
        role: 'manager',
        documents: { total: 0, by_status: {} },
        bytes: 0,
        chunks: 0,
        chunks_today: 0,
        quotas: { max_documents: 7, max_bytes: null, max_chunks_per_day: null },
      },
    });
    expect(made.headers.location).toBe(`${path}/${made.body.id}`);
    expect((await ada.client().get(made.body.links.self)).body).toEqual(made.body);
    const { actions } = (await ada.client().get('/api/v1/actions')).body;
    expect(actions).toMatchObject([
      { kind: 'create_collection', collection_id: made.body.id, details: { name: 'Contracts' } },
    ]);
  });

  test.each([
    [{ name: '' }, 'name'],
    [{ name: `a${' '.repeat(100)}b` }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ name: 'a\0b' }, 'name'],
    [{ name: 'a', description: '\ud800' }, 'description'],
    [{ name: 'a', metadata: [] }, 'metadata'],
    [{ name: 'a', language: 'not a language' }, 'language'],
    [{ name: 'a', quotas: { max_documents: -1 } }, 'quotas.max_documents'],
    [{ name: 'a', owner_id: firstAdminId }, ''],
  ])('When it is %j, then REQUEST_INVALID names %s', async (body, field) => {
    const answer = await api.client.post(path).send(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(answer.body.errors[0].path).toBe(field);
  });

  test('When several requests make one name at once, then one of them makes it; another owner may have it too', async () => {
    const [ada, bob] = [await person(), await person()];
    const made = await Promise.all([1, 2, 3, 4].map(() => ada.client().post(path).send({ name: 'plans' })));
    expect(made.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(made.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'COLLECTION_NAME_TAKEN' });
    await newCollection(bob, { name: 'plans' });
  });

  test('When one who is no admin asks for quotas, then it is refused', async () => {
    const [ada, root] = [await person(), await person('admin')];
    const id = await newCollection(ada);
    const quotas = { max_documents: 1_000 };
    const forbidden = { status: 403, body: { code: 'FORBIDDEN' } };
    expect(await ada.client().post(path).send({ name: 'big', quotas })).toMatchObject(forbidden);
    expect(await ada.client().patch(`${path}/${id}`).send({ quotas })).toMatchObject(forbidden);
    expect(
      (
        await root
          .client()
          .patch(`${path}/${id}`)
          .send({ quotas: { max_bytes: 5 } })
      ).body.quotas,
    ).toEqual({
      max_documents: 7,
      max_bytes: 5,
      max_chunks_per_day: null,
    });
  });

  test('When a key is limited to some collections, then it cannot make another', async () => {
    const ada = await person();
    const key = await newKey(database, ada.id, { collectionIds: [await newCollection(ada)] });
    const answer = await api.anonymous.set('X-API-Key', key).post(path).send({ name: 'more' });
    expect(answer).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });
});

describe('What is in a collection', () => {
  test('When documents come, change and go, then it is counted', async () => {
    const ada = await person();
    const collectionId = await newCollection(ada);
    const get = async () => (await ada.client().get(`${path}/${collectionId}`)).body;
    await endedDocument(database, 2, { collectionId });
    await endedDocument(database, 3, { collectionId, failures: { 0: 'EMBEDDING_REJECTED' } });
    const { documentId } = await acceptedDocument(database, { collectionId });
    const expected = {
      documents: { total: 3, by_status: { ready: 1, partial: 1, queued: 1 } },
      bytes: 30,
      chunks: 5,
      chunks_today: 5,
    };
    expect(await get()).toMatchObject(expected);
    await database.collections.mergeCounts(1_000);
    expect(await get()).toMatchObject(expected);
    await ada.client().delete(`/api/v1/documents/${documentId}`);
    expect((await get()).documents).toEqual({ total: 2, by_status: { ready: 1, partial: 1 } });
  });
});

describe('A list of collections', () => {
  test('When a user lists, then it has those that the user may see, the newest first, in pages', async () => {
    const [ada, bob] = [await person(), await person()];
    const own = [await newCollection(ada, { name: 'Old Plans' }), await newCollection(ada, { name: 'letters' })];
    const shared = await newCollection(bob, { name: 'New plans' });
    await newCollection(bob, { name: 'private plans' });
    await share(database, shared, ada.id, 'reader');
    const list = async (query: string) => (await ada.client().get(`${path}?${query}`)).body;
    const ids = async (query: string) => (await list(query)).collections.map(({ id }: { id: string }) => id);
    expect(await ids('')).toEqual([shared, own[1], own[0]]);
    expect((await list('')).collections[0]).toMatchObject({ role: 'reader', owner_id: bob.id });
    expect(await ids('name=PLAN')).toEqual([shared, own[0]]);
    expect(await ids('mine=true')).toEqual([own[1], own[0]]);
    expect(await ids('mine=true&name=%25')).toEqual([]);
    const first = await list('limit=2');
    expect(await ids(`limit=2&cursor=${first.next_cursor}`)).toEqual([own[0]]);
    expect((await list('nmae=a')).code).toBe('REQUEST_INVALID');
  });

  test('When an operator lists, then it has all, also the default collection', async () => {
    const operator = await newKey(database, await newUser(database, 'operator'));
    const id = await newCollection(await person());
    const { collections } = (await api.anonymous.set('X-API-Key', operator).get(`${path}?limit=500`)).body;
    expect(collections.map((each: { id: string }) => each.id)).toEqual(
      expect.arrayContaining([id, defaultCollectionId]),
    );
  });
});

describe('A change of a collection', () => {
  test('When a manager changes it, then what is left out stays; a writer may not', async () => {
    const [ada, mia, wes] = [await person(), await person(), await person()];
    const id = await newCollection(ada, { description: 'kept', language: 'en', metadata: { kept: 1 } });
    await share(database, id, mia.id, 'manager');
    await share(database, id, wes.id, 'writer');
    expect((await mia.client().patch(`${path}/${id}`).send({ name: 'new name', language: null })).body).toMatchObject({
      name: 'new name',
      description: 'kept',
      language: null,
      metadata: { kept: 1 },
    });
    expect((await wes.client().patch(`${path}/${id}`).send({ name: 'other' })).body.code).toBe('FORBIDDEN');
    expect((await mia.client().patch(`${path}/${id}`).send({})).body.code).toBe('REQUEST_INVALID');
    const other = await newCollection(ada);
    const taken = await ada.client().patch(`${path}/${other}`).send({ name: 'new name' });
    expect(taken).toMatchObject({ status: 409, body: { code: 'COLLECTION_NAME_TAKEN' } });
  });

  test('When the owner hands it over, then the new owner owns it and the old one stays a manager', async () => {
    const [ada, mia, root] = [await person(), await person(), await person('admin')];
    const id = await newCollection(ada, { name: 'ours' });
    await share(database, id, mia.id, 'manager');
    const give = (from: Person, ownerId: string) => from.client().patch(`${path}/${id}`).send({ owner_id: ownerId });
    expect((await give(mia, mia.id)).body.code).toBe('FORBIDDEN');
    expect((await give(ada, newId())).body.code).toBe('USER_NOT_FOUND');
    expect((await give(ada, mia.id)).body).toMatchObject({ owner_id: mia.id });
    const { members } = (await mia.client().get(`${path}/${id}/members`)).body;
    expect(members).toMatchObject([
      { id: mia.id, is_owner: true, role: 'manager' },
      { id: ada.id, is_owner: false, role: 'manager' },
    ]);
    await newCollection(ada, { name: 'ours' });
    expect((await give(root, ada.id)).body.code).toBe('COLLECTION_NAME_TAKEN');
    const { actions } = (await mia.client().get('/api/v1/actions?kind=change_collection')).body;
    expect(actions).toMatchObject([{ collection_id: id, details: { owner_id: mia.id } }]);
  });
});

describe('Sharing', () => {
  test('When a collection is shared with a user, by id or address, then the user has the role until it ends', async () => {
    const [ada, bob] = [await person(), await person()];
    const id = await newCollection(ada);
    const put = (body: object) => ada.client().put(`${path}/${id}/members`).send(body);
    expect((await bob.client().get(`${path}/${id}`)).status).toBe(404);
    expect((await put({ email: bob.email.toUpperCase(), role: 'reader' })).body).toMatchObject({
      id: bob.id,
      kind: 'user',
      role: 'reader',
      is_owner: false,
    });
    expect((await bob.client().get(`${path}/${id}`)).body.role).toBe('reader');
    expect((await bob.client().get(`${path}/${id}/members`)).body.code).toBe('FORBIDDEN');
    await put({ user_id: bob.id, role: 'manager' });
    expect((await bob.client().get(`${path}/${id}/members`)).body.members).toHaveLength(2);
    expect((await bob.client().delete(`${path}/${id}/members/${bob.id}`)).status).toBe(204);
    expect((await bob.client().get(`${path}/${id}`)).status).toBe(404);
    const { actions } = (await ada.client().get('/api/v1/actions')).body;
    expect(actions.map(({ kind, details }: { kind: string; details: object }) => ({ kind, ...details }))).toMatchObject(
      [
        { kind: 'unshare_collection', member_id: bob.id, role: 'manager' },
        { kind: 'share_collection', member_id: bob.id, role: 'manager' },
        { kind: 'share_collection', member_id: bob.id, role: 'reader' },
        { kind: 'create_collection' },
      ],
    );
  });

  test('When a member leaves, then it has no role any more, and it takes away no other', async () => {
    const [ada, bob, eve] = [await person(), await person(), await person()];
    const id = await newCollection(ada);
    for (const member of [bob, eve]) {
      await ada.client().put(`${path}/${id}/members`).send({ user_id: member.id, role: 'reader' });
    }
    const leave = async (who: typeof ada, memberId: string) =>
      (await who.client().delete(`${path}/${id}/members/${memberId}`)).body.code;
    expect(await leave(bob, eve.id)).toBe('FORBIDDEN');
    expect(await leave(ada, ada.id)).toBe('MEMBER_IS_OWNER');
    expect((await bob.client().delete(`${path}/${id}/members/${bob.id}`)).status).toBe(204);
    expect(await leave(bob, bob.id)).toBe('COLLECTION_NOT_FOUND');
    const { members } = (await ada.client().get(`${path}/${id}/members`)).body;
    expect(members).toMatchObject([{ id: ada.id }, { id: eve.id }]);
  });

  test('When it is shared with a group, then its members have the role, and the higher of two counts', async () => {
    const [ada, bob] = [await person(), await person()];
    const id = await newCollection(ada);
    const group = await newGroup(bob);
    await ada.client().put(`${path}/${id}/members`).send({ group_id: group, role: 'writer' });
    await ada.client().put(`${path}/${id}/members`).send({ user_id: bob.id, role: 'reader' });
    expect((await bob.client().get(`${path}/${id}`)).body.role).toBe('writer');
    const { members } = (await ada.client().get(`${path}/${id}/members`)).body;
    expect(members).toContainEqual(expect.objectContaining({ id: group, kind: 'group', email: null, role: 'writer' }));
    expect((await ada.client().delete(`${path}/${id}/members/${group}`)).status).toBe(204);
    expect((await bob.client().get(`${path}/${id}`)).body.role).toBe('reader');
  });

  test('When the member is the owner, nobody, disabled or not named once, then it is refused', async () => {
    const [ada, bob, gone] = [await person(), await person(), await person()];
    const id = await newCollection(ada);
    await share(database, id, bob.id, 'manager');
    await database.sql.none(`UPDATE users SET status = 'disabled' WHERE id = $1`, [gone.id]);
    const put = async (body: object) => (await bob.client().put(`${path}/${id}/members`).send(body)).body.code;
    const remove = async (member: string) => (await bob.client().delete(`${path}/${id}/members/${member}`)).body.code;
    expect(await put({ user_id: ada.id, role: 'reader' })).toBe('MEMBER_IS_OWNER');
    expect(await remove(ada.id)).toBe('MEMBER_IS_OWNER');
    expect(await put({ user_id: newId(), role: 'reader' })).toBe('USER_NOT_FOUND');
    expect(await put({ email: 'nobody@example.org', role: 'reader' })).toBe('USER_NOT_FOUND');
    expect(await put({ user_id: gone.id, role: 'reader' })).toBe('USER_NOT_FOUND');
    expect(await put({ group_id: newId(), role: 'reader' })).toBe('GROUP_NOT_FOUND');
    expect(await put({ role: 'reader' })).toBe('REQUEST_INVALID');
    expect(await put({ user_id: bob.id, group_id: newId(), role: 'reader' })).toBe('REQUEST_INVALID');
    expect(await put({ user_id: gone.id, role: 'owner' })).toBe('REQUEST_INVALID');
    expect(await remove(gone.id)).toBe('MEMBER_NOT_FOUND');
    expect(await remove('nobody')).toBe('MEMBER_NOT_FOUND');
  });
});
