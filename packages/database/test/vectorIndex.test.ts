import { chunkHashOf, contentHashOf, newId } from '@millrace/contracts';
import { createTestDatabase, type TestDatabase, unitVector, waitFor } from '@millrace/test-support';
import {
  Database,
  defaultCollectionId,
  findVectorIndexes,
  systemOwnerId,
  VectorIndexBuilder,
  type VectorIndexKind,
} from '../src';

const count = 1_000;
const model = 'test-model';

let testDatabase: TestDatabase;
let database: Database;
let builder: VectorIndexBuilder;

/** Unit vectors around a few centres, as texts about a few things are. */
const vectors = (() => {
  const centres = Array.from({ length: 40 }, (_, i) => unitVector(i));
  // Marsaglia's 32-bit xorshift.
  let state = 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state / 2 ** 31;
  };
  return Array.from({ length: count }, (_, i) => {
    const vector = (centres[i % centres.length] ?? unitVector(0)).map((component) => component + 0.05 * random());
    const length = Math.hypot(...vector);
    return vector.map((component) => component / length);
  });
})();
const vectorOf = (i: number): Float32Array => vectors[i] ?? new Float32Array();

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = new Database({ url: testDatabase.url, poolMax: 4, connectTimeoutMs: 5_000, applicationName: 'test' });
  builder = new VectorIndexBuilder(database, { databaseUrl: testDatabase.url });
  const documentId = newId();
  await database.documents.insertIfNew({
    id: documentId,
    collection_id: defaultCollectionId,
    owner_id: systemOwnerId,
    filename: 'book.pdf',
    source_path: null,
    content_hash: contentHashOf('book'),
    mime_type: 'application/pdf',
    size_bytes: 1,
  });
  const chunks = Array.from({ length: count }, (_, chunkIndex) => {
    const content = `Text ${chunkIndex}`;
    const contentHash = contentHashOf(content);
    return {
      id: newId(),
      documentId,
      collectionId: defaultCollectionId,
      ownerId: systemOwnerId,
      chunkIndex,
      chunkHash: chunkHashOf(contentHash, 0),
      contentHash,
      content,
      tokenCount: 2,
      pageStart: 1,
      pageEnd: 1,
      section: null,
      coordinates: [],
      embedding: vectorOf(chunkIndex),
      embeddingModel: model,
    };
  });
  await database.transaction((session) => session.documentChunks.upsertAll(chunks));
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** The texts nearest to vector `i`, found by the index even though the table is small. */
async function nearest(i: number, limit = 10): Promise<string[]> {
  const rows = await database.transaction(async (session) => {
    await session.sql.none('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
    const found = await session.documentChunks.search(vectorOf(i), { embeddingModel: model }, limit);
    await session.sql.one('SELECT pg_stat_force_next_flush()');
    return found;
  });
  return rows.map((row) => row.content);
}

/** How often each vector index has been used. */
async function uses(): Promise<number[]> {
  const rows = await database.sql.many<{ uses: number }>(
    `SELECT s.idx_scan::integer AS uses FROM pg_stat_user_indexes s JOIN pg_class c ON c.oid = s.indexrelid
     JOIN pg_am am ON am.oid = c.relam WHERE s.relname = 'document_chunks' AND am.amname IN ('hnsw', 'ivfflat')`,
  );
  return rows.map((row) => row.uses);
}

/** As a program would find them without any index. */
function exactly(i: number, limit = 10): string[] {
  const query = vectorOf(i);
  const similarity = (vector: Float32Array) =>
    vector.reduce((sum, component, d) => sum + component * (query[d] ?? 0), 0);
  return vectors
    .map((vector, j) => ({ j, score: similarity(vector) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit)
    .map(({ j }) => `Text ${j}`);
}

const kinds: VectorIndexKind[] = ['hnsw_halfvec', 'hnsw_binary', 'ivfflat', 'hnsw'];

test.each(kinds)(
  'When %s is built, then it is the only index, searches use it, and find what is nearest',
  async (kind) => {
    const built = await builder.build(kind, { memory: '64MB', workers: 0 });
    expect(built).toMatchObject({ kind, valid: true });
    expect(await findVectorIndexes(database.sql)).toEqual([built]);

    const queries = [3, 141, 592, 653, 897];
    let found = 0;
    for (const i of queries) {
      const texts = await nearest(i);
      expect(texts.at(0)).toBe(`Text ${i}`);
      const right = exactly(i);
      found += texts.filter((text) => right.includes(text)).length;
    }
    expect(found).toBeGreaterThanOrEqual(queries.length * 10 * 0.9);
    await waitFor('the uses to be counted', async () => (await uses()).some((number) => number >= queries.length));
  },
);

test('When it is dropped, then searches compare every vector, and rebuilding is refused with the reason', async () => {
  await builder.drop();
  expect(await findVectorIndexes(database.sql)).toEqual([]);
  expect(await nearest(592)).toEqual(exactly(592));
  await expect(builder.rebuild()).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringContaining('no vector index'),
  });
});

test('When it is rebuilt, then it has the parameters it was built with', async () => {
  await builder.build('hnsw_halfvec', { m: 8, efConstruction: 32 });
  const rebuilt = await builder.rebuild();
  expect(rebuilt).toMatchObject({ kind: 'hnsw_halfvec', parameters: { m: 8, ef_construction: 32 }, valid: true });
  expect(await findVectorIndexes(database.sql)).toEqual([rebuilt]);
});

test('When a search filters for what the index knows nothing of, then it still finds as many as there are', async () => {
  await builder.build('hnsw');
  const rows = await database.transaction(async (session) => {
    await session.sql.none('SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
    return session.documentChunks.search(vectorOf(1), { embeddingModel: model, collectionId: newId() }, 10);
  });
  expect(rows).toEqual([]);
  expect(await nearest(1, 100)).toHaveLength(100);
});

test('When a build meets another, then it is refused; and what a broken build left is cleared by the next', async () => {
  // A transaction that has written to the table holds a concurrent build back until it ends.
  let letGo: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const writer = database.transaction(async (session) => {
    await session.sql.none('UPDATE document_chunks SET token_count = 3 WHERE chunk_index = 0');
    await held;
  });
  const first = builder.build('hnsw_binary');
  const outcome = expect(first).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await waitFor('the build to have begun', async () =>
    (await findVectorIndexes(database.sql)).some((one) => !one.valid),
  );
  expect(await builder.progress()).not.toBeNull();
  await expect(builder.build('ivfflat')).rejects.toMatchObject({ code: 'SETUP_INVALID' });

  await database.sql.many(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'millrace-index'`,
  );
  await outcome;
  letGo();
  await writer;
  expect((await findVectorIndexes(database.sql)).map(({ kind, valid }) => [kind, valid])).toContainEqual([
    'hnsw_binary',
    false,
  ]);
  expect((await nearest(592)).at(0)).toBe('Text 592');

  const built = await builder.build('hnsw');
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});
