import { newId } from '@millrace/contracts';
import { firstAdminId } from '@millrace/database';
import type { Response } from 'supertest';
import { newCollectionOf, newKey, newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

let key: string;
beforeEach(() => {
  key = `key ${newId()}`;
});

interface Changes {
  filename?: string;
  fields?: Record<string, string>;
  idempotencyKey?: string;
}

/** Uploads a text with the key. */
async function upload(
  text: string,
  { filename = 'a.txt', fields = {}, idempotencyKey = key }: Changes = {},
): Promise<Response> {
  const post = api.client.post('/api/v1/documents').set('Idempotency-Key', idempotencyKey);
  for (const [name, value] of Object.entries(fields)) {
    post.field(name, value);
  }
  return post.attach('file', Buffer.from(text), filename);
}

const countOf = async (filename: string) =>
  (
    await api.database.sql.one<{ count: number }>(
      'SELECT count(*)::integer AS count FROM documents WHERE filename = $1',
      [filename],
    )
  ).count;

/** Holds the key as a request that is being answered. */
const hold = (fingerprint: string, ends: string) =>
  api.database.sql.none(
    `INSERT INTO idempotency_keys (user_id, key, fingerprint, token, held_until)
     VALUES ($1, $2, $3, $4, now() + $5::interval)`,
    [firstAdminId, key, fingerprint, newId(), ends],
  );

test('When a request comes again with its key, then it gets the same answer, also after the document has changed', async () => {
  const first = await upload('text of the first');
  expect(first.status).toBe(202);
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  await api.client.post(`/api/v1/jobs/${first.body.job.id}/cancel`);
  const again = await upload('text of the first');
  expect([again.status, again.body, again.headers.location]).toEqual([202, first.body, first.headers.location]);
  expect(again.headers['idempotency-replayed']).toBe('true');
});

test('When the answer was that the content is known, then that is repeated too', async () => {
  await upload('known', { idempotencyKey: `${key} before` });
  const first = await upload('known');
  expect(first).toMatchObject({ status: 200, body: { duplicate: true } });
  expect(await upload('known')).toMatchObject({ status: 200, body: first.body });
});

test.each<[string, string, Changes]>([
  ['another file', 'other text', {}],
  ['another name', 'text', { filename: 'b.txt' }],
  ['another option', 'text', { fields: { ocr: 'off' } }],
])('When the key comes with %s, then it is refused and nothing is stored', async (_what, text, changes) => {
  const fields = { external_id: newId() };
  await upload('text', { fields });
  const refused = await upload(text, { ...changes, fields: { ...fields, ...changes.fields } });
  expect(refused).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  const { body } = await api.client.get(`/api/v1/documents?external_id=${fields.external_id}&versions=all`);
  expect(body.documents).toHaveLength(1);
});

test('When another version was uploaded since, then repeating the request does not bring its version back', async () => {
  const fields = { external_id: newId() };
  const first = await upload('first', { fields });
  await upload('second', { fields, idempotencyKey: `${key} second` });
  expect((await upload('first', { fields })).body).toEqual(first.body);
  const { body } = await api.client.get(`/api/v1/documents/${first.body.document.id}/versions`);
  expect(body.versions.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
});

test('When many requests come at once with one key, then one document is made and each answer is the same or asks to come again', async () => {
  const filename = `${newId()}.txt`;
  const answers = await Promise.all(Array.from({ length: 8 }, () => upload('at once', { filename })));
  const done = answers.filter(({ status }) => status === 202);
  const others = answers.filter(({ status }) => status !== 202);
  expect(done.length).toBeGreaterThan(0);
  expect(new Set(done.map(({ body }) => body.document.id)).size).toBe(1);
  for (const { status, body, headers } of others) {
    expect([status, body.code, headers['retry-after']]).toEqual([409, 'IDEMPOTENCY_IN_PROGRESS', '2']);
  }
  expect(await countOf(filename)).toBe(1);
});

test('When the process that was answering has died, then the request is done once its time is over', async () => {
  const filename = `${newId()}.txt`;
  const text = newId();
  await upload(text, { filename });
  const [{ fingerprint = '' } = {}] = await api.database.sql.many<{ fingerprint: string }>(
    'DELETE FROM idempotency_keys WHERE key = $1 RETURNING fingerprint',
    [key],
  );
  await hold(fingerprint, '1 minute');
  expect((await upload(text, { filename })).body.code).toBe('IDEMPOTENCY_IN_PROGRESS');
  await api.database.sql.none(`UPDATE idempotency_keys SET held_until = now() - interval '1 second' WHERE key = $1`, [
    key,
  ]);
  // The document of the first request exists, so this one is a duplicate.
  expect((await upload(text, { filename })).status).toBe(200);
  expect(await countOf(filename)).toBe(1);
});

test('When an upload is refused, then its key can be used again', async () => {
  const refused = await upload('text', { fields: { chunk_max_tokens: '100', chunk_overlap_tokens: '90' } });
  expect(refused.body.code).toBe('REQUEST_INVALID');
  expect((await upload(newId())).status).toBe(202);
});

test('When a day has passed, then the key is free again, and the sweep removes it', async () => {
  await upload('yesterday');
  await api.database.sql.none(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`, [
    key,
  ]);
  expect((await upload('today')).status).toBe(202);
  await api.database.sql.none(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key = $1`, [
    key,
  ]);
  expect(await api.database.idempotencyKeys.removeExpired(100)).toBe(1);
});

test('When another user has the same key, then both requests are done', async () => {
  const user = await newUser(api.database, 'admin');
  const theirKey = await newKey(api.database, user);
  const mine = await upload(`mine ${key}`);
  const theirs = await api.anonymous
    .post('/api/v1/documents')
    .set('Authorization', `Bearer ${theirKey}`)
    .set('Idempotency-Key', key)
    .field('collection_id', mine.body.document.collection_id)
    .attach('file', Buffer.from(`theirs ${key}`), 'a.txt');
  expect(theirs.status).toBe(202);
});

test.each(['', 'x'.repeat(256), 'not\u00a0ascii'])(
  'When the key is %j, then the request is refused',
  async (idempotencyKey) => {
    expect(await upload('text', { idempotencyKey })).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  },
);

test('When a key for one collection repeats a request that went into another, then it gets no answer of that one', async () => {
  const userId = await newUser(api.database);
  const [theirDefault, other] = [
    await newCollectionOf(api.database, userId),
    await newCollectionOf(api.database, userId),
  ];
  await api.database.users.setDefaultCollection(userId, theirDefault);
  const all = await newKey(api.database, userId);
  const limited = await newKey(api.database, userId, { collectionIds: [other] });
  const uploadAs = (apiKey: string) =>
    api.anonymous
      .post('/api/v1/documents')
      .set({ 'X-API-Key': apiKey, 'Idempotency-Key': key, 'Content-Type': 'text/plain' })
      .send('the same words');
  expect((await uploadAs(all)).body.document.collection_id).toBe(theirDefault);
  expect((await uploadAs(limited)).body).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  expect((await uploadAs(all)).status).toBe(202);
});
