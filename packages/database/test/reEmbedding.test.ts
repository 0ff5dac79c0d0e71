import { setTimeout } from 'node:timers/promises';
import { chunkHashOf, newId } from '@millrace/contracts';
import { createTestDatabase, missingPgBouncer, PgBouncer, type TestDatabase, unitVector } from '@millrace/test-support';
import {
  Database,
  defaultCollectionId,
  findReEmbeddingProgress,
  makeRoles,
  type NextModel,
  ReEmbedding,
  systemOwnerId,
  VectorIndexBuilder,
  type VectorIndexKind,
} from '../src';

const old = { model: 'old-model', dimensions: 768 };
const wanted = { model: 'new-model', dimensions: 256 };

let testDatabase: TestDatabase;
let database: Database;
let reEmbedding: ReEmbedding;

function open(url: string): Database {
  return new Database({ url, poolMax: 4, connectTimeoutMs: 5_000, applicationName: 'test' });
}

beforeEach(async () => {
  testDatabase = await createTestDatabase({ model: old.model });
  database = open(testDatabase.url);
  reEmbedding = new ReEmbedding(database, { databaseUrl: testDatabase.url });
});
afterEach(async () => {
  await database.close();
  await testDatabase.drop();
});

/** A document with so many chunks that have a vector of the old model. */
async function addDocument(count: number): Promise<string> {
  const id = newId();
  await database.documents.insertIfNew({
    id,
    collection_id: defaultCollectionId,
    owner_id: systemOwnerId,
    filename: 'a.pdf',
    source_path: null,
    content_hash: id.replaceAll('-', '').padEnd(64, '0'),
    mime_type: 'application/pdf',
    size_bytes: 1,
  });
  await database.transaction(({ documentChunks }) => documentChunks.upsertAll(chunksOf(id, count, old.model)));
  return id;
}

function chunksOf(documentId: string, count: number, embeddingModel: string, dimensions = 768) {
  return Array.from({ length: count }, (_, i) => ({
    id: newId(),
    documentId,
    collectionId: defaultCollectionId,
    ownerId: systemOwnerId,
    chunkIndex: i,
    chunkHash: chunkHashOf(`${i}`, 0),
    contentHash: `${i}`,
    content: `Text ${i}`,
    tokenCount: 2,
    pageStart: 1,
    pageEnd: 1,
    section: 'A > B',
    coordinates: [{ page: 1, x0: 0, y0: 0, x1: 1, y1: 1 }],
    embedding: unitVector(i, dimensions),
    embeddingModel,
  }));
}

/** Stores new vectors of a document's chunks, as the embedders do. */
function addNext(documentId: string, indexes: number[], on = database, { model, dimensions } = wanted): Promise<void> {
  const vectors = indexes.map((i) => ({
    documentId,
    chunkHash: chunkHashOf(`${i}`, 0),
    embedding: unitVector(i, dimensions),
    embeddingModel: model,
  }));
  return on.transaction(({ documentChunks }) => documentChunks.insertNext(vectors));
}

async function running(): Promise<NextModel> {
  const { next } = await database.embeddingModels.find();
  if (next === null) {
    throw new Error('nothing is being changed');
  }
  return next;
}

const isThere = async (table: string) =>
  (await database.sql.one<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [table])).there;

/** Rows of the table without their vectors. */
const rowsOf = (table: string) =>
  database.sql.many(
    `SELECT to_jsonb(c) - '{embedding,embedding_model,updated_at}'::text[] AS row FROM ${table} c ORDER BY c.id`,
  );

/** All that belongs to the table, its name and its dimensions left out. */
const shape = (dimensions: number) =>
  database.sql.many(
    `SELECT relname::text AS name, replace(pg_get_indexdef(c.oid), $<dimensions>, 'N') AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'document_chunks'::regclass
     UNION ALL SELECT conname::text, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = 'document_chunks'::regclass AND contype <> 'n'
     UNION ALL SELECT attname::text, concat_ws(' ', attstorage, attnotnull, pg_get_expr(adbin, adrelid)) FROM pg_attribute
     LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = 'document_chunks'::regclass AND attnum > 0
     UNION ALL SELECT grantee::regrole::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)
     FROM pg_class, aclexplode(relacl) WHERE oid = 'document_chunks'::regclass GROUP BY grantee
     UNION ALL SELECT 'options', reloptions::text FROM pg_class WHERE oid = 'document_chunks'::regclass
     ORDER BY 1, 2`,
    { dimensions: String(dimensions) },
  );

describe('Beginning to change the model', () => {
  test('When it is begun again, then it goes on; another one, or what is there already, is refused', async () => {
    expect(await reEmbedding.begin(wanted)).toBe('begun');
    expect(await reEmbedding.begin(wanted)).toBe('under way');
    await expect(reEmbedding.begin({ ...wanted, dimensions: 512 })).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringMatching(/new-model \(256 dimensions\), not new-model \(512 dimensions\).*cancel/),
    });
    expect(await reEmbedding.cancel()).toMatchObject(wanted);
    await expect(reEmbedding.begin(old)).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: 'The vectors are of old-model (768 dimensions) already.',
    });
  });

  test('When two begin at once, then it is begun once', async () => {
    const other = new ReEmbedding(database, { databaseUrl: testDatabase.url });
    const outcomes = await Promise.allSettled([reEmbedding.begin(wanted), other.begin(wanted)]);
    expect(outcomes.filter((each) => each.status === 'fulfilled' && each.value === 'begun')).toHaveLength(1);
    expect(await database.sql.many('SELECT status FROM re_embeddings')).toEqual([{ status: 'running' }]);
  });

  const testBehindPooler = missingPgBouncer() ? test.skip : test;
  testBehindPooler('When the address is a pooler in transaction mode, then nothing is begun', async () => {
    const pooler = await PgBouncer.before(testDatabase.url, { sessions: 2 });
    const through = open(pooler.through(testDatabase.url));
    try {
      const behind = new ReEmbedding(through, { databaseUrl: pooler.through(testDatabase.url) });
      await expect(behind.begin(wanted)).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining('DATABASE_MIGRATION_URL'),
      });
      expect(await isThere('document_chunks_next')).toBe(false);
    } finally {
      await through.close();
      await pooler.stop();
    }
  });
});

describe('Changing the model', () => {
  test('When a chunk has no new vector, then nothing changes; when all have one, then the table is as it was, with these', async () => {
    await makeRoles({ databaseUrl: testDatabase.url, passwords: {} });
    const documentId = await addDocument(3);
    const before = await rowsOf('document_chunks');
    const shapeBefore = await shape(768);
    await reEmbedding.begin(wanted);
    await addNext(documentId, [0, 1]);
    await reEmbedding.buildIndexes(await running(), {});
    expect(await reEmbedding.change(await running())).toBe(false);
    expect(await findReEmbeddingProgress(database.sql, (await running()).reEmbeddingId)).toMatchObject({
      chunks: 3,
      done: 2,
      failed: 0,
    });
    expect(await database.embeddingModels.find()).toMatchObject({ active: old, next: wanted });

    await addNext(documentId, [2]);
    expect(await reEmbedding.change(await running())).toBe(true);
    expect(await database.embeddingModels.find()).toEqual({ active: wanted, next: null });
    expect(await rowsOf('document_chunks')).toEqual(before);
    expect(await shape(256)).toEqual(shapeBefore);
    expect(await isThere('document_chunks_next')).toBe(false);
    const found = await database.read(({ documentChunks }) =>
      documentChunks.search(unitVector(1, 256), { embeddingModel: wanted.model }, 1),
    );
    expect(found).toMatchObject([{ content: 'Text 1' }]);
    await database.sql.none('DELETE FROM documents WHERE id = $1', [documentId]);
    expect(await rowsOf('document_chunks')).toEqual([]);

    // And again, from the table that has taken the place.
    await reEmbedding.begin(old);
    await reEmbedding.buildIndexes(await running(), {});
    expect(await reEmbedding.change(await running())).toBe(true);
    expect(await shape(768)).toEqual(shapeBefore);
  });

  test.each<VectorIndexKind | 'none'>(['hnsw_halfvec', 'hnsw_binary', 'ivfflat', 'none'])(
    'When the vector index is %s, then the new vectors have the same one',
    async (kind) => {
      const builder = new VectorIndexBuilder(database, { databaseUrl: testDatabase.url });
      await (kind === 'none' ? builder.drop() : builder.build(kind, { workers: 0 }));
      const documentId = await addDocument(2);
      const before = await shape(768);
      await reEmbedding.begin(wanted);
      await addNext(documentId, [0, 1]);
      await reEmbedding.buildIndexes(await running(), { memory: '32MB', workers: 0 });
      expect(await reEmbedding.change(await running())).toBe(true);
      expect(await shape(256)).toEqual(before);
    },
  );

  test('When somebody reads the table for long, then the change waits and lets others pass', async () => {
    await reEmbedding.begin(wanted);
    const next = await running();
    let change: Promise<boolean> | undefined;
    await database.transaction(async ({ sql }) => {
      await sql.many('SELECT FROM document_chunks');
      change = reEmbedding.change(next);
      for (let i = 0; i < 5; i += 1) {
        await setTimeout(500);
        expect(await database.sql.many('SELECT FROM document_chunks')).toEqual([]);
      }
      expect(await database.embeddingModels.find()).toMatchObject({ active: old });
    });
    expect(await change).toBe(true);
  });

  test('When a migration has changed the columns since, then it is refused and nothing is lost', async () => {
    await reEmbedding.begin(wanted);
    await database.sql.none('ALTER TABLE document_chunks ADD COLUMN language text');
    await expect(reEmbedding.change(await running())).rejects.toMatchObject({ code: 'SETUP_INVALID' });
    expect(await database.embeddingModels.find()).toMatchObject({ active: old, next: wanted });
  });

  test('When building its indexes was broken off, then the next time builds what is missing', async () => {
    await reEmbedding.begin(wanted);
    await database.sql.none('CREATE INDEX document_chunks_order_next ON document_chunks_next (document_id)');
    await database.sql.none(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'document_chunks_order_next'::regclass`,
    );
    const before = await shape(768);
    await reEmbedding.buildIndexes(await running(), {});
    await reEmbedding.buildIndexes(await running(), {});
    expect(await reEmbedding.change(await running())).toBe(true);
    expect(await shape(256)).toEqual(before);
  });
});

describe('Vectors that come too late', () => {
  test('When the model has changed meanwhile, then none of the old one is stored', async () => {
    const documentId = await addDocument(1);
    const sameDimensions = { model: 'new-model', dimensions: 768 };
    await reEmbedding.begin(sameDimensions);
    await expect(addNext(documentId, [0], database, { ...sameDimensions, model: 'old-model' })).rejects.toThrow(
      'no longer takes vectors of old-model',
    );
    await addNext(documentId, [0], database, sameDimensions);
    let store: Promise<void> | undefined;
    // The settlement comes to the table while it is being changed.
    await database.transaction(async ({ sql }) => {
      await sql.none('LOCK TABLE document_chunks IN EXCLUSIVE MODE');
      store = database.transaction(({ documentChunks }) =>
        documentChunks.upsertAll(chunksOf(documentId, 2, old.model)),
      );
      store.catch(() => undefined);
      await setTimeout(300);
      await sql.none(`UPDATE embedding_settings SET model = 'new-model'`);
    });
    await expect(store).rejects.toThrow('no longer takes vectors of old-model');
    expect(await database.sql.many('SELECT FROM document_chunks')).toHaveLength(1);
  });

  test('When it has been cancelled meanwhile, then the table and what was to go there are gone, and all else is as it was', async () => {
    const documentId = await addDocument(2);
    const before = await database.sql.many('SELECT * FROM document_chunks ORDER BY id');
    await reEmbedding.begin(wanted);
    await addNext(documentId, [0]);
    expect(await reEmbedding.cancel()).toMatchObject(wanted);
    expect(await reEmbedding.cancel()).toBeNull();
    await expect(addNext(documentId, [1])).rejects.toMatchObject({ code: '42P01' });
    expect(await isThere('document_chunks_next')).toBe(false);
    expect(await database.sql.many('SELECT * FROM document_chunks ORDER BY id')).toEqual(before);
    expect(await database.embeddingModels.find()).toEqual({ active: old, next: null });
  });
});

test('When the service role works at a change, then it may do that and nothing that only the owner may', async () => {
  const password = 'service-password-1';
  const { names } = await makeRoles({ databaseUrl: testDatabase.url, passwords: { service: password } });
  const documentId = await addDocument(1);
  await reEmbedding.begin(wanted);
  const url = new URL(testDatabase.url);
  url.username = names.service;
  url.password = password;
  const service = open(url.toString());
  try {
    await addNext(documentId, [0], service);
    expect(await service.embeddingModels.find()).toMatchObject({ active: old, next: wanted });
    const asService = new ReEmbedding(service, { databaseUrl: url.toString() });
    const refused = { code: '42501' };
    await expect(asService.close(await running(), 1_000)).rejects.toMatchObject(refused);
    await expect(asService.change(await running())).rejects.toMatchObject(refused);
    await expect(asService.cancel()).rejects.toMatchObject(refused);
    await reEmbedding.cancel();
    await expect(asService.begin(wanted)).rejects.toMatchObject(refused);
  } finally {
    await service.close();
  }
});
