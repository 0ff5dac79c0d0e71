import { randomUUID } from 'node:crypto';
import type { ChunkMetadata, SearchResponse, UploadResponse } from '@millrace/contracts';
import { type Database, defaultCollectionId, firstAdminId } from '@millrace/database';
import { textPdf, unitVector } from '@millrace/test-support';
import { TestApi } from './support';

let api: TestApi;
let database: Database;
beforeAll(async () => {
  api = await TestApi.start();
  ({ database } = api);
});
afterAll(() => api.stop());

let count = 0;
async function upload(metadata?: string) {
  count += 1;
  const request = api.client.post('/api/v1/documents').attach('file', await textPdf([`Text ${count}.`]), 'a.pdf');
  return metadata === undefined ? request : request.field('metadata', metadata);
}

/** Uploads a document with one stored chunk. @returns its id. */
async function stored(metadata?: object): Promise<string> {
  const response = await upload(metadata && JSON.stringify(metadata));
  const { id } = (response.body as UploadResponse).document;
  await storeChunk(id);
  return id;
}

function storeChunk(id: string, metadata?: ChunkMetadata): Promise<void> {
  return database.transaction((session) =>
    session.documentChunks.upsertAll([
      {
        id,
        documentId: id,
        collectionId: defaultCollectionId,
        ownerId: firstAdminId,
        chunkIndex: 0,
        chunkHash: 'a',
        contentHash: id,
        content: 'text',
        tokenCount: 1,
        pageStart: 1,
        pageEnd: 1,
        section: null,
        coordinates: [],
        metadata,
        embedding: unitVector(count),
        embeddingModel: 'millrace-static-v2',
      },
    ]),
  );
}

const search = (filter: unknown) => api.client.post('/api/v1/search').send({ query: 'text', limit: 100, filter });

async function found(metadata: object): Promise<string[]> {
  const response = await search({ metadata });
  expect(response.status).toBe(200);
  return (response.body as SearchResponse).hits.map((hit) => hit.document_id).sort();
}

function nested(depth: number): object {
  return depth === 1 ? {} : { a: nested(depth - 1) };
}

describe('Metadata', () => {
  test('When an upload has metadata, then the document has the same', async () => {
    const metadata = { 'a key': [1, 2.5, null, true, { deep: 'ümlaut 日本' }], empty: {}, quote: `it's "so" \\` };
    const response = await upload(JSON.stringify(metadata));
    expect(response).toMatchObject({ status: 202, body: { document: { metadata } } });
    const { body } = await api.client.get(`/api/v1/documents/${response.body.document.id}`);
    expect(body.metadata).toEqual(metadata);
  });

  test('When an upload has no metadata, then the document has an empty object', async () => {
    expect((await upload()).body.document.metadata).toEqual({});
  });

  test('When it has the largest size allowed, then it is kept, whether its letters are escaped or not', async () => {
    const largest = { a: 'b'.repeat(16_384 - '{"a":""}'.length) };
    const escaped = JSON.stringify(largest).replaceAll('b', '\\u0062');
    expect((await upload(escaped)).body.document.metadata).toEqual(largest);
  });

  test('When a search filters by it, then only documents that contain all of the filter are found', async () => {
    const both = await stored({ department: 'law', years: [2023, 2024], author: { name: 'Ada', team: 'x' } });
    const law = await stored({ department: 'law', years: [2024] });
    const sales = await stored({ department: 'sales' });
    const none = await stored();

    expect(await found({ department: 'law' })).toEqual([both, law].sort());
    expect(await found({ department: 'law', years: [2023] })).toEqual([both]);
    expect(await found({ author: { name: 'Ada' } })).toEqual([both]);
    expect(await found({ department: 'LAW' })).toEqual([]);
    expect(await found({ department: null })).toEqual([]);
    expect(await found({ "department' OR true --": 'law' })).toEqual([]);
    expect(await found({})).toEqual(expect.arrayContaining([both, law, sales, none]));
  });

  test.each([
    ['text', 'department', 'filter'],
    ['an array', [], 'filter'],
    ['null', null, 'filter'],
    ['an object without metadata', {}, 'filter.metadata'],
    ['metadata that is text', { metadata: 'law' }, 'filter.metadata'],
    ['metadata that is an array', { metadata: [{ department: 'law' }] }, 'filter.metadata'],
    ['metadata that is null', { metadata: null }, 'filter.metadata'],
    ['metadata of more than 4 KiB', { metadata: { a: 'x'.repeat(4096) } }, 'filter.metadata'],
    ['metadata that is nested too deep', { metadata: nested(9) }, 'filter.metadata'],
    ['metadata with a NUL', { metadata: { a: 'b\0' } }, 'filter.metadata'],
    ['a key with a NUL', { metadata: { 'a\0': 1 } }, 'filter.metadata'],
    ['half a character', { metadata: { a: ['\ud800'] } }, 'filter.metadata'],
    ['an unknown condition', { metadata: {}, owner: 'me' }, 'filter'],
  ])('When a filter is %s, then REQUEST_INVALID names it', async (_what, filter, path) => {
    expect(await search(filter)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', errors: [{ path }] },
    });
  });

  test('When a filter has the largest depth and size allowed, then the search uses it', async () => {
    expect(await found(nested(8))).toEqual([]);
    expect(await found({ a: 'x'.repeat(4096 - '{"a":""}'.length) })).toEqual([]);
  });

  test.each([
    ['larger than 16 KiB', JSON.stringify({ a: 'x'.repeat(16_384 - '{"a":""}'.length + 1) })],
    ['no JSON', '{department: law}'],
    ['no object', '"law"'],
    ['an array', '[]'],
    ['a number too large', '{"a": 1e999}'],
    ['nested too deep', JSON.stringify(nested(9))],
    ['nested absurdly deep', `{"a": ${'['.repeat(8_000)}${']'.repeat(8_000)}}`],
  ])('When the metadata of an upload is %s, then REQUEST_INVALID names it and nothing is kept', async (_what, text) => {
    const { count: before } = await database.sql.one<{ count: string }>('SELECT count(*) FROM documents');
    expect(await upload(text)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', errors: [{ path: 'metadata' }] },
    });
    expect(await database.sql.one('SELECT count(*) FROM documents')).toEqual({ count: before });
  });
});

describe('A change of the metadata', () => {
  const change = (id: string, metadata: unknown) => api.client.patch(`/api/v1/documents/${id}`).send({ metadata });

  test('When it is replaced, then the document has the new object only, and searches filter by it', async () => {
    const id = await stored({ topic: 'mills', year: 2024 });
    const response = await change(id, { topic: 'rivers', note: null });
    expect(response).toMatchObject({ status: 200, body: { id, metadata: { topic: 'rivers', note: null } } });
    expect(response.body.metadata).not.toHaveProperty('year');
    expect(await found({ topic: 'rivers' })).toEqual([id]);
    expect(await found({ topic: 'mills' })).toEqual([]);
    const before = new Date(response.body.created_at).getTime();
    expect(new Date(response.body.updated_at).getTime()).toBeGreaterThan(before);
    expect((await change(id, {})).body.metadata).toEqual({});
  });

  test.each([
    ['is larger than 16 KiB', { a: 'x'.repeat(16_384) }],
    ['is nested too deep', nested(9)],
    ['holds a NUL', { a: '\0' }],
    ['is no object', ['law']],
    ['is missing', undefined],
  ])('When the new metadata %s, then it is refused and the old one stays', async (_what, metadata) => {
    const { id } = (await upload('{"kept": true}')).body.document;
    expect(await change(id, metadata)).toMatchObject({
      status: 400,
      body: { code: 'REQUEST_INVALID', errors: [{ path: 'metadata' }] },
    });
    expect((await api.client.get(`/api/v1/documents/${id}`)).body.metadata).toEqual({ kept: true });
  });

  test('When there is no such document, then the answer says so', async () => {
    expect((await change(randomUUID(), {})).body.code).toBe('DOCUMENT_NOT_FOUND');
  });
});

describe('The metadata of a chunk', () => {
  const shown = async (id: string) =>
    (await api.client.get(`/api/v1/documents/${id}/chunks`)).body.chunks.map((chunk: { metadata: object }) => {
      return chunk.metadata;
    });

  test('When a chunk is stored again with other metadata, then the API shows the new one', async () => {
    const id = await stored();
    expect(await shown(id)).toEqual([{}]);
    const metadata: ChunkMetadata = {
      title: 'The Mill',
      page_label_start: 'iv',
      page_label_end: 'v',
      blocks: ['table'],
    };
    await storeChunk(id, metadata);
    expect(await shown(id)).toEqual([metadata]);
  });
});
