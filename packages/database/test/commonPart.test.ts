import { createTestDatabase, plainModel, type TestDatabase, waitFor } from '@millrace/test-support';
import { hasLockWaits, newDocument, newDocumentChunk, openDatabase } from '@millrace/test-support/lifecycle';
import { type Database, findVectorIndexes, migrate, VectorIndexBuilder } from '../src';
import { Signer } from '../src/signature/signature';
import { vectorsWithCommonPart } from './commonPart';

const dimensions = 96;
const embeddingModel = 'test-model';
const rows = 1_200;
const vectors = vectorsWithCommonPart(rows + 30, dimensions);
const stored = vectors.slice(0, rows);
const queries = vectors.slice(rows);

/** With this effort a graph gives 40 rows, a thirtieth, to sort by their vectors. */
const littleEffort = 0.1;
const atOnce = { workers: 0, handOverMs: 0 };

let testDatabase: TestDatabase;
let database: Database;
let builder: VectorIndexBuilder;
let documentId: string;
beforeAll(async () => {
  testDatabase = await createTestDatabase({ empty: true });
  const { url } = testDatabase;
  await migrate({ databaseUrl: url, direction: 'up', embedding: plainModel(embeddingModel, dimensions) });
  database = openDatabase(url);
  builder = new VectorIndexBuilder(database, { databaseUrl: url });
  const document = newDocument();
  documentId = document.id;
  await database.documents.insertIfNew(document);
  await builder.drop();
  await upsert(stored.map((embedding, chunkIndex) => ({ embedding, chunkIndex })));
});
afterAll(async () => {
  await database?.close();
  await testDatabase?.drop();
});

function upsert(chunks: { embedding: Float32Array; chunkIndex: number }[]): Promise<void> {
  return database.transaction(({ documentChunks }) =>
    documentChunks.upsertAll(chunks.map((chunk) => newDocumentChunk({ documentId, embeddingModel, ...chunk }))),
  );
}

const search = (vector: Float32Array, limit: number, effort = littleEffort) =>
  database.transaction(async ({ sql, documentChunks }) => {
    // The table is small, and its index is to be used all the same.
    await sql.none('SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off');
    return documentChunks.search(vector, { embeddingModel }, { limit, effort });
  });

/** The texts of the ten rows nearest to each query. */
const nearest = queries.map((query) =>
  stored
    .map((vector, i) => ({ i, similarity: vector.reduce((sum, component, d) => sum + component * (query[d] ?? 0), 0) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, 10)
    .map(({ i }) => `Text ${i}`),
);

/** Returns the share of the true ten nearest rows that searches find. */
async function recall(effort = littleEffort): Promise<number> {
  let hits = 0;
  for (const [i, query] of queries.entries()) {
    const found = (await search(query, 10, effort)).map(({ content }) => content);
    hits += found.filter((content) => nearest[i]?.includes(content)).length;
  }
  return hits / (10 * queries.length);
}

const means = () =>
  database.sql.many<{ slot: string; mean: string | null; complete: boolean }>(
    'SELECT slot, mean::text, complete FROM vector_signatures ORDER BY slot',
  );
const unsigned = (column: string) =>
  database.sql.one<{ n: number }>(`SELECT count(*)::integer AS n FROM document_chunks WHERE ${column} IS NULL`);

/** Makes an index as versions without signatures have made it. */
async function indexSigns(): Promise<void> {
  await builder.drop();
  await database.sql.none(
    `CREATE INDEX over_signs ON document_chunks USING hnsw ((binary_quantize(embedding)::bit(${dimensions})) bit_hamming_ops)
       WITH (m = 16)`,
  );
  database.vectorIndexes.forget();
}

test('When the vectors have a large common part, then an index over their signs misses most of the nearest rows', async () => {
  await indexSigns();
  expect(await recall()).toBeLessThan(0.5);
});

describe('When the signatures were made before the mean was known', () => {
  beforeAll(async () => {
    await builder.drop();
    // As the migration has made it. The other slot has remains of former signatures.
    await database.sql.none(
      `CREATE INDEX ON document_chunks USING hnsw ((signature_a::bit(${2 * dimensions})) bit_hamming_ops);
       UPDATE document_chunks SET signature_b = B'1'`,
    );
    database.vectorIndexes.forget();
  });

  test('and a rebuild is interrupted, then searches use these signatures, and the next rebuild starts again', async () => {
    const interrupted = new AbortController();
    const stoppable = new VectorIndexBuilder(database, { databaseUrl: testDatabase.url }, interrupted.signal);
    const outcome = expect(stoppable.rebuild(atOnce)).rejects.toThrow('enough');
    await waitFor('a second mean', async () => (await means()).length === 2);
    interrupted.abort(new Error('enough'));
    await outcome;
    expect(await means()).toMatchObject([
      { slot: 'a', mean: null, complete: true },
      { slot: 'b', complete: false },
    ]);
    expect(await findVectorIndexes(database.sql)).toMatchObject([{ signatures: { slot: 'a', sampled: 0 } }]);
    expect((await search(stored[7] ?? new Float32Array(), 1))[0]?.content).toBe('Text 7');
  });

  test('then a rebuild waits for writers and signs all rows anew, and no row is missing from a search meanwhile', async () => {
    const [first = new Float32Array(), second = new Float32Array()] = queries;
    let rebuilding: Promise<unknown> = Promise.resolve();
    // A writer that does not know the new mean. It is stored after the writer has ended.
    await database.transaction(async ({ documentChunks }) => {
      await documentChunks.upsertAll([
        newDocumentChunk({ documentId, embeddingModel, embedding: first, chunkIndex: rows }),
      ]);
      rebuilding = builder.rebuild({ ...atOnce, handOverMs: 200 });
      await waitFor('the rebuild to wait for the writer', () => hasLockWaits(database, 1));
    });
    let ended = false;
    const watch = rebuilding.finally(() => {
      ended = true;
    });
    for (let i = 0; !ended; i = (i + 1) % rows) {
      database.vectorIndexes.forget();
      expect((await search(stored[i] ?? first, 1))[0]?.content).toBe(`Text ${i}`);
    }
    await watch;
    expect(await findVectorIndexes(database.sql)).toMatchObject([{ signatures: { slot: 'b' } }]);
    const [mean, ...others] = await means();
    expect([mean, others]).toEqual([{ slot: 'b', mean: expect.any(String), complete: true }, []]);

    const signer = new Signer(Float32Array.from(JSON.parse(mean?.mean ?? '') as number[]));
    await upsert([{ embedding: second, chunkIndex: rows + 1 }]);
    const signatures = await database.sql.many<{ a: string | null; b: string }>(
      'SELECT signature_a::text AS a, signature_b::text AS b FROM document_chunks ORDER BY chunk_index',
    );
    const bitsOf = (vector: Float32Array) =>
      [...signer.sign(vector)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    expect(signatures.map(({ b }) => b)).toEqual([...stored, first, second].map(bitsOf));
    expect(signatures.at(-1)?.a).toBeNull();
    await database.sql.none('DELETE FROM document_chunks WHERE chunk_index >= $<rows>', { rows });
  });
});

test.each([
  ['hnsw_binary', littleEffort],
  // Half of the lists are read.
  ['ivfflat_binary', 1],
] as const)(
  'When %s is built and the mean still fits, then the signatures stay, and searches find nearly all nearest rows',
  async (kind, effort) => {
    const before = await means();
    expect(await builder.build(kind, { ...atOnce, lists: 20 })).toMatchObject({ kind, signatures: { slot: 'b' } });
    expect(await means()).toEqual(before);
    expect(await recall(effort)).toBeGreaterThan(0.9);
  },
);

test('When an index is over signs, then a rebuild makes signatures and an index of the same kind over them', async () => {
  await indexSigns();
  await database.sql.none('UPDATE document_chunks SET signature_b = NULL; DELETE FROM vector_signatures');
  const index = await builder.rebuild(atOnce);
  expect(index).toMatchObject({ kind: 'hnsw_binary', parameters: { m: 16 }, signatures: { slot: 'a', sampled: rows } });
  expect(await findVectorIndexes(database.sql)).toEqual([index]);
  expect(await unsigned('signature_a')).toEqual({ n: 0 });
});

test('When rows have no signature, then a rebuild adds them', async () => {
  await database.sql.none('UPDATE document_chunks SET signature_a = NULL WHERE chunk_index < 50');
  const before = await means();
  await builder.rebuild(atOnce);
  expect(await unsigned('signature_a')).toEqual({ n: 0 });
  expect(await means()).toEqual(before);
});
