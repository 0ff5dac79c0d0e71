import { access } from 'node:fs/promises';
import { BlobStore, originalKey } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import { acceptedDocument, chunkedDocument, endedDocument, newCollection } from '@millrace/test-support/lifecycle';
import { newCollectionOf, newKey, newUser, share } from './principals';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
let blobs: BlobStore;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
  blobs = new BlobStore(api.environment.config().BLOB_DIR);
});
afterAll(() => api.stop());

const send = async (way: 'move' | 'copy', documentId: string, collectionId: string) =>
  api.client.post(`/api/v1/documents/${documentId}/${way}`).send({ collection_id: collectionId });
const useOf = async (id: string) => (await api.client.get(`/api/v1/collections/${id}`)).body;

/** What is stored of a document besides its ids and times. */
const stored = (documentId: string) =>
  database.sql.many(
    `SELECT collection_id, chunk_index, chunk_hash, content_hash, embedding_hash, content, token_count, page_start,
       page_end, section, coordinates, metadata, embedding::text, embedding_model, signature_a::text, signature_b::text
     FROM document_chunks WHERE document_id = $1 ORDER BY chunk_index`,
    [documentId],
  );

async function withOriginal(documentId: string): Promise<string> {
  const key = originalKey(documentId);
  const staged = await blobs.stage(
    (async function* () {
      yield Buffer.from(`the original of ${documentId}`);
    })(),
  );
  await staged.keep(key);
  await database.sql.none('UPDATE documents SET source_path = $2 WHERE id = $1', [documentId, key]);
  return key;
}

const exists = async (key: string) => {
  try {
    await access(await blobs.localPath(key));
    return true;
  } catch {
    return false;
  }
};

describe('Moving a document', () => {
  test('When it is moved, then its chunks keep their vectors and are found in the other collection alone', async () => {
    const [from, to] = [await newCollection(database), await newCollection(database)];
    const { documentId, jobId } = await endedDocument(database, 3, { collectionId: from });
    const before = await stored(documentId);
    const moved = await send('move', documentId, to);
    expect(moved).toMatchObject({ status: 200, body: { id: documentId, collection_id: to, status: 'ready' } });
    expect(await stored(documentId)).toEqual(before.map((row) => ({ ...(row as object), collection_id: to })));
    const hits = async (collectionId: string) =>
      (await api.client.post('/api/v1/search').send({ query: 'Chunk', collection_id: collectionId })).body.hits;
    expect(await hits(from)).toEqual([]);
    expect(await hits(to)).toHaveLength(3);
    const jobsIn = async (collectionId: string) =>
      (await api.client.get(`/api/v1/jobs?collection_id=${collectionId}`)).body.jobs;
    expect(await jobsIn(from)).toEqual([]);
    expect(await jobsIn(to)).toMatchObject([{ id: jobId, collection_id: to }]);
    expect(await useOf(from)).toMatchObject({ documents: { total: 0 }, bytes: 0, chunks: 0 });
    expect(await useOf(to)).toMatchObject({ documents: { total: 1 }, bytes: 10, chunks: 3 });
    const { actions } = (await api.client.get(`/api/v1/actions?document_id=${documentId}`)).body;
    expect(actions).toHaveLength(2);
    expect(actions).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'move', collection_id: from, details: { to_collection_id: to } }),
        expect.objectContaining({ kind: 'move', collection_id: to, details: { from_collection_id: from } }),
      ]),
    );
    expect((await send('move', documentId, to)).status).toBe(200);
    expect((await api.client.get(`/api/v1/actions?document_id=${documentId}`)).body.actions).toHaveLength(2);
  });

  test('When its work has not ended, then it stays where it is', async () => {
    const to = await newCollection(database);
    for (const { documentId } of [await acceptedDocument(database), await chunkedDocument(database, 1)]) {
      await withOriginal(documentId);
      for (const way of ['move', 'copy'] as const) {
        const refused = await send(way, documentId, to);
        expect(refused).toMatchObject({ status: 409, body: { code: 'DOCUMENT_IN_PROGRESS', retryable: true } });
        expect(refused.headers['retry-after']).toBeDefined();
      }
    }
    expect(await useOf(to)).toMatchObject({ documents: { total: 0 } });
  });

  test('When two documents of one content are moved into a collection at once, then one stays, and the answer names the other', async () => {
    const to = await newCollection(database);
    const twins = await Promise.all(
      [1, 2].map(async () => endedDocument(database, 1, { collectionId: await newCollection(database) })),
    );
    await database.sql.none('UPDATE documents SET content_hash = $2 WHERE id = ANY($1::uuid[])', [
      twins.map(({ documentId }) => documentId),
      'a'.repeat(64),
    ]);
    const answers = await Promise.all(twins.map(({ documentId }) => send('move', documentId, to)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const moved = answers.find(({ status }) => status === 200)?.body;
    const refused = answers.find(({ status }) => status === 409)?.body;
    expect(refused).toMatchObject({ code: 'DUPLICATE_DOCUMENT', document_id: moved.id });
  });

  test('When two documents change places at once, then both arrive', async () => {
    const [a, b] = [await newCollection(database), await newCollection(database)];
    await api.client.patch(`/api/v1/collections/${a}`).send({ quotas: { max_documents: 9 } });
    await api.client.patch(`/api/v1/collections/${b}`).send({ quotas: { max_documents: 9 } });
    const [first, second] = [
      await endedDocument(database, 2, { collectionId: a }),
      await endedDocument(database, 2, { collectionId: b }),
    ];
    const answers = await Promise.all([send('move', first.documentId, b), send('move', second.documentId, a)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await useOf(a)).toMatchObject({ documents: { total: 1 }, chunks: 2 });
  });

  test('When the other collection has no room, then it stays', async () => {
    const to = await newCollection(database);
    await api.client.patch(`/api/v1/collections/${to}`).send({ quotas: { max_bytes: 9 } });
    const { documentId } = await endedDocument(database, 1);
    for (const way of ['move', 'copy'] as const) {
      await withOriginal(documentId);
      expect(await send(way, documentId, to)).toMatchObject({
        status: 403,
        body: { code: 'QUOTA_EXCEEDED', quota: 'max_bytes', used: 0, requested: 10 },
      });
    }
    expect((await api.client.get(`/api/v1/documents/${documentId}`)).body.collection_id).not.toBe(to);
    expect(await useOf(to)).toMatchObject({ documents: { total: 0 }, chunks: 0 });
  });

  test('When one may write in only one of the collections, then it is refused', async () => {
    const user = await newUser(database);
    const own = await newCollectionOf(database, user);
    const readable = await newCollection(database);
    await share(database, readable, user, 'reader');
    const client = api.anonymous.set('X-API-Key', await newKey(database, user));
    const theirs = await endedDocument(database, 1, { collectionId: readable });
    const mine = await endedDocument(database, 1, { collectionId: own });
    await withOriginal(mine.documentId);
    const code = async (documentId: string, collectionId: string) =>
      (await client.post(`/api/v1/documents/${documentId}/copy`).send({ collection_id: collectionId })).body.code;
    expect(await code(theirs.documentId, own)).toBe('FORBIDDEN');
    expect(await code(mine.documentId, readable)).toBe('FORBIDDEN');
    expect(await code(mine.documentId, await newCollection(database))).toBe('COLLECTION_NOT_FOUND');
  });
});

describe('Versions of a document', () => {
  test('When the current one is moved, then all go with it; an old one is not moved alone', async () => {
    const [from, to] = [await newCollection(database), await newCollection(database)];
    const old = await endedDocument(database, 1, { collectionId: from });
    const current = await endedDocument(database, 1, { collectionId: from });
    await database.sql.none(
      `UPDATE documents SET external_id = 'plan', is_current = id = $2, version = CASE WHEN id = $2 THEN 2 ELSE 1 END
       WHERE id IN ($1, $2)`,
      [old.documentId, current.documentId],
    );
    expect((await send('move', old.documentId, to)).body.code).toBe('VERSION_NOT_CURRENT');
    expect((await send('move', current.documentId, to)).status).toBe(200);
    expect((await api.client.get(`/api/v1/documents/${old.documentId}`)).body.collection_id).toBe(to);
    const other = await endedDocument(database, 1, { collectionId: from });
    await database.sql.none(`UPDATE documents SET external_id = 'plan' WHERE id = $1`, [other.documentId]);
    const refused = await send('move', other.documentId, to);
    expect(refused.body).toMatchObject({ code: 'DUPLICATE_DOCUMENT', document_id: current.documentId });
    await withOriginal(other.documentId);
    expect((await send('copy', other.documentId, to)).body).toMatchObject({ external_id: null, collection_id: to });
  });
});

describe('Copying a document', () => {
  test('When it is copied, then the copy is ready at once, and each can be deleted without the other', async () => {
    const [from, to] = [await newCollection(database), await newCollection(database)];
    const source = await endedDocument(database, 1_003, { collectionId: from });
    const key = await withOriginal(source.documentId);
    const copied = await send('copy', source.documentId, to);
    expect(copied).toMatchObject({
      status: 201,
      body: { collection_id: to, status: 'ready', filename: 'test.pdf', total_chunks: 1_003 },
    });
    const { id, job_id } = copied.body;
    expect(copied.headers.location).toBe(`/api/v1/documents/${id}`);
    const expected = (await stored(source.documentId)).map((row) => ({ ...(row as object), collection_id: to }));
    expect(await stored(id)).toEqual(expected);
    expect((await api.client.get(`/api/v1/jobs/${job_id}`)).body).toMatchObject({
      kind: 'ingest',
      status: 'completed',
      total_chunks: 1_003,
      processed_chunks: 1_003,
    });
    expect((await api.client.get(`/api/v1/documents/${id}/pages?limit=1`)).body.pages).toHaveLength(1);
    expect(await useOf(to)).toMatchObject({
      documents: { total: 1, by_status: { ready: 1 } },
      bytes: 10,
      chunks: 1_003,
    });
    expect((await send('copy', source.documentId, to)).body).toMatchObject({
      code: 'DUPLICATE_DOCUMENT',
      document_id: id,
    });
    expect((await api.client.delete(`/api/v1/documents/${source.documentId}`)).status).toBe(204);
    expect([await exists(key), await exists(originalKey(id))]).toEqual([false, true]);
    expect(await stored(id)).toEqual(expected);
    expect((await api.client.delete(`/api/v1/documents/${id}`)).status).toBe(204);
    expect(await exists(originalKey(id))).toBe(false);
  });

  test('When it is partial, then the copy says what it lacks; when nothing is stored, then it is not copied', async () => {
    const to = await newCollection(database);
    const { documentId } = await endedDocument(database, 3, {
      failures: { 1: 'EMBEDDING_REJECTED' },
      failedPages: [4],
    });
    await withOriginal(documentId);
    const { id, job_id } = (await send('copy', documentId, to)).body;
    expect((await api.client.get(`/api/v1/documents/${id}`)).body).toMatchObject({
      status: 'partial',
      error: { code: 'EMBEDDING_REJECTED' },
      missing: { chunk_count: 1, page_count: 1, chunks: [{ chunk_index: 1, error_code: 'EMBEDDING_REJECTED' }] },
    });
    expect((await api.client.post(`/api/v1/jobs/${job_id}/chunks/retry`).send({})).body).toMatchObject({
      scheduled: 0,
      skipped: [{ reason: 'payload_expired', count: 1 }],
    });
    const failed = await endedDocument(database, 1, { failures: { 0: 'EMBEDDING_REJECTED' } });
    await withOriginal(failed.documentId);
    expect((await send('copy', failed.documentId, to)).body.code).toBe('DOCUMENT_NOT_SEARCHABLE');
  });

  test('When its original is lost, then nothing is left of the copy', async () => {
    const to = await newCollection(database);
    const { documentId } = await endedDocument(database, 1);
    expect(await send('copy', documentId, to)).toMatchObject({ status: 500, body: { code: 'BLOB_MISSING' } });
    expect(await useOf(to)).toMatchObject({ documents: { total: 0 } });
  });
});

test.each(['move', 'copy'] as const)(
  'When somebody makes a %s, then readers of either collection see who did',
  async (way) => {
    const [from, to] = [await newCollection(database), await newCollection(database)];
    const { documentId } = await endedDocument(database, 1, { collectionId: from });
    await withOriginal(documentId);
    expect((await send(way, documentId, to)).ok).toBe(true);
    for (const collectionId of [from, to]) {
      const reader = await newUser(database);
      await share(database, collectionId, reader, 'reader');
      const asReader = api.anonymous.set('X-API-Key', await newKey(database, reader));
      const { actions } = (await asReader.get('/api/v1/actions')).body;
      expect(actions).toMatchObject([{ kind: way, collection_id: collectionId }]);
    }
  },
);
