import { randomUUID } from 'node:crypto';
import type { Database } from '@millrace/database';
import { acceptedDocument, endedDocument, newCollection } from '@millrace/test-support/lifecycle';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

/** A new collection with these quotas. */
async function limited(quotas: object): Promise<string> {
  const id = await newCollection(database);
  await limit(id, quotas);
  return id;
}

async function limit(id: string, quotas: object): Promise<void> {
  expect((await api.client.patch(`/api/v1/collections/${id}`).send({ quotas })).status).toBe(200);
}

const upload = async (collectionId: string, text: string = randomUUID()) =>
  api.client
    .post(`/api/v1/documents?collection_id=${collectionId}`)
    .set('Content-Type', 'text/plain')
    .send(text.padEnd(100, '.'));

const countOf = async (id: string) => (await api.client.get(`/api/v1/collections/${id}`)).body.documents.total;

describe('The quota of documents', () => {
  test('When many uploads come at once, then exactly as many as there is room for are accepted', async () => {
    const id = await limited({ max_documents: 3 });
    const answers = await Promise.all(Array.from({ length: 12 }, () => upload(id)));
    const counts = [202, 403].map((status) => answers.filter((answer) => answer.status === status).length);
    expect(counts).toEqual([3, 9]);
    expect(answers.find(({ status }) => status === 403)?.body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quota: 'max_documents',
      limit: 3,
      used: 3,
      requested: 1,
    });
    expect(await countOf(id)).toBe(3);
  });

  test('When the same content comes again, then it needs no room; when a document goes, then there is room again', async () => {
    const id = await limited({ max_documents: 1 });
    const first = await upload(id, 'first');
    expect((await upload(id, 'first')).status).toBe(200);
    expect((await upload(id, 'second')).status).toBe(403);
    expect((await api.client.delete(`/api/v1/documents/${first.body.document.id}`)).status).toBe(204);
    expect((await upload(id, 'second')).status).toBe(202);
  });

  test('When it is set while uploads run, then none of them passes it unseen', async () => {
    const id = await newCollection(database);
    const uploads = Array.from({ length: 6 }, () => upload(id));
    await limit(id, { max_documents: 2 });
    await Promise.all(uploads);
    const count = await countOf(id);
    expect((await upload(id)).status).toBe(count < 2 ? 202 : 403);
    await limit(id, { max_documents: null });
    expect((await upload(id)).status).toBe(202);
  });
});

describe('The quota of bytes', () => {
  test('When many uploads come at once, then they fill it and do not pass it', async () => {
    const id = await limited({ max_bytes: 250 });
    const answers = await Promise.all(Array.from({ length: 8 }, () => upload(id)));
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(2);
    expect(answers.find(({ status }) => status === 403)?.body).toMatchObject({
      code: 'QUOTA_EXCEEDED',
      quota: 'max_bytes',
      limit: 250,
      used: 200,
      requested: 100,
    });
  });
});

describe('The quota of chunks a day', () => {
  test('When it is used up, then uploads wait for the next day, and what was accepted before is read', async () => {
    const collectionId = await limited({ max_chunks_per_day: 3 });
    const waiting = await acceptedDocument(database, { collectionId });
    await endedDocument(database, 2, { collectionId });
    expect((await upload(collectionId)).status).toBe(202);
    const { documentId } = await endedDocument(database, 4, { collectionId });
    expect((await api.client.get(`/api/v1/documents/${documentId}`)).body.status).toBe('ready');
    const refused = await upload(collectionId);
    expect(refused).toMatchObject({
      status: 429,
      body: { code: 'DAILY_QUOTA_EXCEEDED', retryable: true, quota: 'max_chunks_per_day', limit: 3, used: 6 },
    });
    const seconds = Number(refused.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(86_400);
    expect((await api.client.get(`/api/v1/jobs/${waiting.jobId}`)).body.status).toBe('queued');
    await database.sql.none('UPDATE collection_days SET day = day - 1 WHERE collection_id = $1', [collectionId]);
    expect((await upload(collectionId)).status).toBe(202);
  });
});
