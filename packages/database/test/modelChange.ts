import { chunkHashOf } from '@millrace/contracts';
import { createTestDatabase, plainModel, type TestDatabase, unitVector } from '@millrace/test-support';
import { newDocument, newDocumentChunk, openDatabase } from '@millrace/test-support/lifecycle';
import { type Database, type NextModel, ReEmbedding } from '../src';

export const old = plainModel('old-model');
export const wanted = plainModel('new-model', 256);

/** Makes rows for upsertAll. */
export function chunksOf(documentId: string, count: number, embeddingModel: string) {
  return Array.from({ length: count }, (_, i) =>
    newDocumentChunk({
      documentId,
      chunkIndex: i,
      chunkHash: chunkHashOf(`${i}`, 0),
      contentHash: `${i}`,
      section: 'A > B',
      coordinates: [{ page: 1, x0: 0, y0: 0, x1: 1, y1: 1 }],
      embeddingModel,
    }),
  );
}

/** A database with vectors of the old model, and a re-embedding to the new one. */
export class ModelChange {
  readonly database: Database;
  readonly reEmbedding: ReEmbedding;

  private constructor(private readonly testDatabase: TestDatabase) {
    this.database = this.open();
    this.reEmbedding = new ReEmbedding(this.database, { databaseUrl: this.url });
  }

  static async prepare(): Promise<ModelChange> {
    return new ModelChange(await createTestDatabase({ model: old.model }));
  }

  get url(): string {
    return this.testDatabase.url;
  }

  open(url = this.url): Database {
    return openDatabase(url);
  }

  async drop(): Promise<void> {
    await this.database.close();
    await this.testDatabase.drop();
  }

  /** Adds a document with this many chunks that have a vector of the old model. */
  async addDocument(count: number): Promise<string> {
    const document = newDocument();
    await this.database.documents.insertIfNew(document);
    await this.database.transaction(({ documentChunks }) =>
      documentChunks.upsertAll(chunksOf(document.id, count, old.model)),
    );
    return document.id;
  }

  /** Stores new vectors of a document's chunks, as an embedder does. */
  addNext(documentId: string, indexes: number[], { model, dimensions } = wanted, on = this.database): Promise<void> {
    const vectors = indexes.map((i) => ({
      documentId,
      chunkHash: chunkHashOf(`${i}`, 0),
      embedding: unitVector(i, dimensions),
      embeddingModel: model,
    }));
    return on.transaction(({ documentChunks }) => documentChunks.insertNext(vectors));
  }

  async running(): Promise<NextModel> {
    const { next } = await this.database.embeddingModels.find();
    if (next === null) {
      throw new Error('nothing is being changed');
    }
    return next;
  }

  async isThere(table: string): Promise<boolean> {
    const statement = 'SELECT to_regclass($1) IS NOT NULL AS there';
    return (await this.database.sql.one<{ there: boolean }>(statement, [table])).there;
  }

  /** Returns the stored chunks without their vectors. */
  chunks(): Promise<unknown[]> {
    return this.database.sql.many(
      `SELECT to_jsonb(c) - '{embedding,embedding_model,signature_a,updated_at}'::text[] AS row FROM document_chunks c ORDER BY c.id`,
    );
  }

  /** Returns columns, constraints, indexes and privileges of document_chunks, without its dimensions. */
  shape(dimensions: number): Promise<unknown[]> {
    return this.database.sql.many(
      `SELECT relname::text AS name, replace(pg_get_indexdef(c.oid), $<bits>, 'bit(N)') AS definition
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
      { bits: `bit(${2 * dimensions})` },
    );
  }
}
