import { chunkHashOf } from '@millrace/contracts';
import { plainModel, unitVector, waitFor } from '@millrace/test-support';
import { hasLockWaits } from '@millrace/test-support/lifecycle';
import {
  findReEmbeddingProgress,
  findVectorIndexes,
  makeRoles,
  ReEmbedding,
  VectorIndexBuilder,
  type VectorIndexKind,
} from '../src';
import { findSigner } from '../src/signature/storedMeans';
import { chunksOf, ModelChange, old, wanted } from './modelChange';

let change: ModelChange;
beforeEach(async () => {
  change = await ModelChange.prepare();
});
afterEach(() => change.drop());

describe('Changing the model', () => {
  test('When a chunk has no new vector, then nothing changes; when all have one, then the table is the same with new vectors', async () => {
    await makeRoles({ databaseUrl: change.url, passwords: {} });
    const documentId = await change.addDocument(3);
    const before = await change.chunks();
    const shapeBefore = await change.shape(768);
    await change.reEmbedding.begin(wanted);
    await change.addNext(documentId, [0, 1]);
    await change.reEmbedding.buildIndexes(await change.running(), {});
    expect(await change.reEmbedding.change(await change.running())).toBe(false);
    expect(await findReEmbeddingProgress(change.database.sql, (await change.running()).reEmbeddingId)).toMatchObject({
      chunks: 3,
      done: 2,
      failed: 0,
    });
    expect(await change.database.embeddingModels.find()).toMatchObject({ active: old, next: wanted });

    await change.addNext(documentId, [2]);
    expect(await change.reEmbedding.change(await change.running())).toBe(true);
    expect(await change.database.embeddingModels.find()).toMatchObject({ active: wanted, next: null });
    expect(await change.chunks()).toEqual(before);
    expect(await change.shape(256)).toEqual(shapeBefore);
    expect(await change.isThere('document_chunks_next')).toBe(false);
    const found = await change.database.read(({ documentChunks }) =>
      documentChunks.search(unitVector(1, 256), { embeddingModel: wanted.model }, { limit: 1 }),
    );
    expect(found).toMatchObject([{ content: 'Text 1' }]);
    await change.database.sql.none('DELETE FROM documents WHERE id = $1', [documentId]);
    expect(await change.chunks()).toEqual([]);

    // The replaced table can be replaced again.
    await change.reEmbedding.begin(old);
    await change.reEmbedding.buildIndexes(await change.running(), {});
    expect(await change.reEmbedding.change(await change.running())).toBe(true);
    expect(await change.shape(768)).toEqual(shapeBefore);
  });

  test.each<VectorIndexKind | 'none'>(['hnsw_binary', 'hnsw', 'ivfflat_binary', 'none'])(
    'When the vector index is %s, then the new vectors have the same one',
    async (kind) => {
      const builder = new VectorIndexBuilder(change.database, { databaseUrl: change.url });
      await (kind === 'none' ? builder.drop() : builder.build(kind, { workers: 0, handOverMs: 0 }));
      const documentId = await change.addDocument(2);
      const before = await change.shape(768);
      await change.reEmbedding.begin(wanted);
      await change.addNext(documentId, [0, 1]);
      await change.reEmbedding.buildIndexes(await change.running(), { memory: '32MB', workers: 0 });
      expect(await change.reEmbedding.change(await change.running())).toBe(true);
      expect(await change.shape(256)).toEqual(before);
    },
  );

  test('When the new vectors have a large common part, then their signatures are made with its mean before the change', async () => {
    const rows = 300;
    const documentId = await change.addDocument(rows);
    await change.reEmbedding.begin(wanted);
    const next = await change.running();
    const vectors = Array.from({ length: rows }, (_, i) => ({
      documentId,
      chunkHash: chunkHashOf(`${i}`, 0),
      embedding: unitVector(i, wanted.dimensions).map((component) => 0.6 * component + 0.05),
      embeddingModel: wanted.model,
    }));
    await change.database.transaction(({ documentChunks }) => documentChunks.insertNext(vectors));
    await change.reEmbedding.buildIndexes(next, {});
    const [index] = await findVectorIndexes(change.database.sql, 'document_chunks_next');
    expect(index).toMatchObject({ valid: true, signatures: { slot: 'a', sampled: rows } });

    // As if the command had been killed while it made them.
    await change.database.sql.none(
      `UPDATE vector_signatures SET complete = false WHERE vector_table <> 'document_chunks'`,
    );
    expect(await change.reEmbedding.change(next)).toBe(false);
    await change.reEmbedding.buildIndexes(next, {});
    expect(await change.reEmbedding.change(next)).toBe(true);
    const [{ id, ...mean } = { id: '' }, ...others] = await change.database.sql.many<{ id: string }>(
      'SELECT vector_table, slot, sampled, complete, id FROM vector_signatures',
    );
    expect([mean, others]).toEqual([{ vector_table: 'document_chunks', slot: 'a', sampled: rows, complete: true }, []]);
    const signer = await findSigner(change.database.sql, id);
    const [stored] = await change.database.sql.many<{ signature: string }>(
      `SELECT signature_a::text AS signature FROM document_chunks WHERE chunk_hash = $<chunkHash>`,
      vectors[7],
    );
    const bytes = [...(signer?.sign(vectors[7]?.embedding ?? new Float32Array()) ?? [])];
    expect(stored?.signature).toBe(bytes.map((byte) => byte.toString(2).padStart(8, '0')).join(''));
  });

  test('When the model changes, then a search directly after it knows the index of the new vectors', async () => {
    const other = plainModel('other-model', old.dimensions);
    await change.database.sql.none(
      `DROP INDEX document_chunks_embedding;
       UPDATE vector_signatures SET slot = 'b';
       CREATE INDEX document_chunks_embedding ON document_chunks
         USING hnsw ((signature_b::bit(${2 * old.dimensions})) bit_hamming_ops)`,
    );
    const documentId = await change.addDocument(100);
    await change.reEmbedding.begin(other);
    await change.addNext(documentId, [...Array(100).keys()], other);
    await change.reEmbedding.buildIndexes(await change.running(), {});
    const search = (embeddingModel: string) =>
      change.database.read(({ documentChunks }) =>
        // Four rows are sorted by their vectors.
        documentChunks.search(unitVector(77, old.dimensions), { embeddingModel }, { limit: 1, effort: 0.01 }),
      );
    expect(await search(old.model)).toMatchObject([{ content: 'Text 77' }]);
    expect(await change.reEmbedding.change(await change.running())).toBe(true);
    expect(await search(other.model)).toMatchObject([{ content: 'Text 77' }]);
  });

  test('When another vector index is built meanwhile, then the change waits, and the new vectors get that index', async () => {
    const builder = new VectorIndexBuilder(change.database, { databaseUrl: change.url });
    const documentId = await change.addDocument(1);
    await change.reEmbedding.begin(wanted);
    const next = await change.running();
    await change.addNext(documentId, [0]);
    await change.reEmbedding.buildIndexes(next, {});
    const built = builder.build('hnsw', { workers: 0 });
    // The old index is dropped some seconds after the new one is usable.
    await waitFor('both indexes to exist', async () => {
      return (await findVectorIndexes(change.database.sql)).filter((index) => index.valid).length === 2;
    });
    expect(await change.reEmbedding.change(next)).toBe(false);
    expect(await findVectorIndexes(change.database.sql)).toHaveLength(1);
    await built;
    const before = await change.shape(768);
    expect(await change.reEmbedding.lacksIndexes(next)).toBe(true);
    await change.reEmbedding.buildIndexes(next, {});
    expect(await change.reEmbedding.lacksIndexes(next)).toBe(false);
    expect(await change.reEmbedding.change(next)).toBe(true);
    expect(await change.shape(256)).toEqual(before);
    expect(await findVectorIndexes(change.database.sql)).toMatchObject([{ kind: 'hnsw', valid: true }]);
  });

  test('When the change is held up, then it reports the sessions that hold the locks', async () => {
    const said: string[][] = [];
    const address = { databaseUrl: change.url };
    const waiting = new ReEmbedding(change.database, address, undefined, (holders) => said.push(holders));
    await waiting.begin(wanted);
    let cancelled: Promise<unknown> | undefined;
    await change.database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM document_chunks_next');
      cancelled = waiting.cancel({ kind: 'cli' });
      await waitFor('the report', async () => said.length > 0);
    });
    expect(await cancelled).toMatchObject(wanted);
    expect(said[0]).toEqual([expect.stringMatching(/^process \d+ \(test\) SELECT FROM document_chunks_next$/)]);
  });

  test('When a transaction reads the table for long, then the change waits and lets others pass', async () => {
    await change.reEmbedding.begin(wanted);
    const next = await change.running();
    await change.reEmbedding.buildIndexes(next, {});
    let changed: Promise<boolean> | undefined;
    await change.database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM document_chunks');
      changed = change.reEmbedding.change(next);
      for (let i = 0; i < 5; i += 1) {
        await waitFor('the change to wait for the table', () => hasLockWaits(change.database, 1));
        expect(await change.database.sql.many('SELECT FROM document_chunks')).toEqual([]);
      }
      expect(await change.database.embeddingModels.find()).toMatchObject({ active: old });
    });
    expect(await changed).toBe(true);
  });

  test('When a migration has changed the columns since, then the change is refused and nothing is lost', async () => {
    await change.reEmbedding.begin(wanted);
    await change.database.sql.none('ALTER TABLE document_chunks ADD COLUMN language text');
    await expect(change.reEmbedding.change(await change.running())).rejects.toMatchObject({ code: 'SETUP_INVALID' });
    expect(await change.database.embeddingModels.find()).toMatchObject({ active: old, next: wanted });
  });

  test('When building the indexes was interrupted, then the next build makes the missing ones', async () => {
    await change.reEmbedding.begin(wanted);
    await change.database.sql.none('CREATE INDEX document_chunks_order_next ON document_chunks_next (document_id)');
    await change.database.sql.none(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'document_chunks_order_next'::regclass`,
    );
    const before = await change.shape(768);
    await change.reEmbedding.buildIndexes(await change.running(), {});
    await change.reEmbedding.buildIndexes(await change.running(), {});
    expect(await change.reEmbedding.change(await change.running())).toBe(true);
    expect(await change.shape(256)).toEqual(before);
  });
});

test('When two jobs store the same chunk, then it is stored once', async () => {
  const documentId = await change.addDocument(2);
  await change.reEmbedding.begin(wanted);
  await change.addNext(documentId, [0, 1, 0]);
  expect(await change.database.sql.many('SELECT FROM document_chunks_next')).toHaveLength(2);
});

describe('Vectors that arrive too late', () => {
  test('When the model has changed meanwhile, then no vector of the old model is stored', async () => {
    const documentId = await change.addDocument(1);
    const sameDimensions = plainModel('new-model');
    await change.reEmbedding.begin(sameDimensions);
    await expect(change.addNext(documentId, [0], { ...sameDimensions, model: 'old-model' })).rejects.toThrow(
      'no longer takes vectors of old-model',
    );
    await change.addNext(documentId, [0], sameDimensions);
    let store: Promise<void> | undefined;
    // The settlement reaches the table while it is being replaced.
    await change.database.transaction(async ({ sql }) => {
      await sql.none('LOCK TABLE document_chunks IN EXCLUSIVE MODE');
      store = change.database.transaction(({ documentChunks }) =>
        documentChunks.upsertAll(chunksOf(documentId, 2, old.model)),
      );
      store.catch(() => undefined);
      await waitFor('the settlement to wait for the table', () => hasLockWaits(change.database, 1));
      await sql.none(`UPDATE embedding_settings SET model = 'new-model'`);
    });
    await expect(store).rejects.toThrow('no longer takes vectors of old-model');
    expect(await change.database.sql.many('SELECT FROM document_chunks')).toHaveLength(1);
  });

  test('When the re-embedding was cancelled meanwhile, then its table and vectors are gone, and everything else is as before', async () => {
    const documentId = await change.addDocument(2);
    const before = await change.database.sql.many('SELECT * FROM document_chunks ORDER BY id');
    await change.reEmbedding.begin(wanted);
    await change.addNext(documentId, [0]);
    expect(await change.reEmbedding.cancel({ kind: 'cli' })).toMatchObject(wanted);
    expect(await change.reEmbedding.cancel({ kind: 'cli' })).toBeNull();
    await expect(change.addNext(documentId, [1])).rejects.toMatchObject({ code: '42P01' });
    expect(await change.isThere('document_chunks_next')).toBe(false);
    expect(await change.database.sql.many('SELECT * FROM document_chunks ORDER BY id')).toEqual(before);
    expect(await change.database.embeddingModels.find()).toMatchObject({ active: old, next: null });
    expect(await change.database.sql.many('SELECT vector_table FROM vector_signatures')).toEqual([
      { vector_table: 'document_chunks' },
    ]);
  });
});
