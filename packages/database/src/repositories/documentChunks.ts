import type { Box, ChunkMetadata } from '@millrace/contracts';
import { decodeVector, encodeCopy } from '../connection/binaryCopy';
import type { Sql } from '../connection/sql';
import { lockSigners, signAll } from '../signature/storedMeans';
import type { SearchFilter } from '../vectorIndex/filter';
import type { KnownIndexes } from '../vectorIndex/knownIndexes';
import { type SearchRow, searchChunks, type WantedChunks } from '../vectorIndex/search';
import type { VectorTable } from '../vectorIndex/vectorTable';

export interface NewDocumentChunk {
  id: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  chunkIndex: number;
  chunkHash: string;
  contentHash: string;
  /** The hash of what was embedded; null or left out when that is the content alone. */
  embeddingHash?: string | null;
  content: string;
  tokenCount: number;
  pageStart: number;
  pageEnd: number;
  section: string | null;
  coordinates: Box[];
  metadata?: ChunkMetadata | undefined;
  /** Of unit length, with as many dimensions as the column. */
  embedding: Float32Array;
  /** The key of its model. */
  embeddingModel: string;
}

/** A chunk's vector of the next model. */
export interface NewVector {
  documentId: string;
  chunkHash: string;
  embeddingHash?: string | null;
  embedding: Float32Array;
  embeddingModel: string;
}

export interface DocumentChunkRow {
  id: string;
  chunkIndex: number;
  content: string;
  tokenCount: number;
  pageStart: number;
  pageEnd: number;
  section: string | null;
  coordinates: Box[];
  metadata: ChunkMetadata;
  contentHash: string;
  chunkHash: string;
  embeddingModel: string | null;
}

const columns = `id, chunk_index AS "chunkIndex", content, token_count AS "tokenCount", page_start AS "pageStart",
  page_end AS "pageEnd", section, coordinates, metadata, content_hash AS "contentHash", chunk_hash AS "chunkHash",
  embedding_model AS "embeddingModel"`;

export class DocumentChunks {
  constructor(
    private readonly sql: Sql,
    private readonly indexes: KnownIndexes,
  ) {}

  /**
   * Inserts chunks with their vectors, or updates the rows that exist. It uses binary COPY into a temporary table, then one
   * upsert with the rows sorted by key, so that two workers never deadlock.
   * Runs in a transaction. No (documentId, chunkHash) may come twice.
   * @throws Error when the database's vectors are of another model. The caller must roll back.
   */
  async upsertAll(chunks: readonly NewDocumentChunk[]): Promise<void> {
    if (chunks.length === 0) {
      return;
    }
    const signers = await lockSigners(
      this.sql,
      'document_chunks',
      // A transaction may call this several times. Behind a pooler, services of two versions share a session. So other columns need another name.
      `CREATE TEMPORARY TABLE IF NOT EXISTS incoming_signed_chunks
         (id uuid, document_id uuid, collection_id uuid, owner_id uuid, chunk_index integer, chunk_hash text,
          content_hash text, content text, token_count integer, page_start integer, page_end integer, section text,
          coordinates jsonb, metadata jsonb, embedding vector, embedding_model text, embedding_hash text,
          signature_a bit varying, signature_b bit varying) ON COMMIT DELETE ROWS;
       DELETE FROM incoming_signed_chunks`,
    );
    await this.sql.copyIn(
      'COPY incoming_signed_chunks FROM STDIN (FORMAT binary)',
      encodeCopy(
        [
          'uuid',
          'uuid',
          'uuid',
          'uuid',
          'int4',
          'text',
          'text',
          'text',
          'int4',
          'int4',
          'int4',
          'text',
          'jsonb',
          'jsonb',
          'vector',
          'text',
          'text',
          'varbit',
          'varbit',
        ],
        chunks.map((c) => [
          c.id,
          c.documentId,
          c.collectionId,
          c.ownerId,
          c.chunkIndex,
          c.chunkHash,
          c.contentHash,
          c.content,
          c.tokenCount,
          c.pageStart,
          c.pageEnd,
          c.section,
          c.coordinates,
          c.metadata ?? {},
          c.embedding,
          c.embeddingModel,
          c.embeddingHash,
          ...signAll(signers, c.embedding),
        ]),
      ),
    );
    // The lock keeps out a change of the model. So the settings are read after it.
    const stored = await this.sql.affected(
      `INSERT INTO document_chunks
         (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content, token_count,
          page_start, page_end, section, coordinates, metadata, embedding, embedding_model, embedding_hash,
          signature_a, signature_b)
       SELECT id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content, token_count,
              page_start, page_end, section, coordinates, metadata, embedding, embedding_model, embedding_hash,
              signature_a, signature_b
       FROM incoming_signed_chunks WHERE embedding_model = (SELECT model_key FROM embedding_settings)
       ORDER BY document_id, chunk_hash
       ON CONFLICT (document_id, chunk_hash) DO UPDATE SET
         chunk_index = excluded.chunk_index, content = excluded.content, token_count = excluded.token_count,
         page_start = excluded.page_start, page_end = excluded.page_end, section = excluded.section,
         coordinates = excluded.coordinates, metadata = excluded.metadata, embedding = excluded.embedding,
         embedding_model = excluded.embedding_model, embedding_hash = excluded.embedding_hash,
         signature_a = excluded.signature_a, signature_b = excluded.signature_b, updated_at = now()`,
    );
    refuseOtherModel(stored, chunks);
  }

  /**
   * Copies stored chunks into document_chunks_next, each with its vector of the next model. When a chunk comes twice, because
   * it is in two jobs, any of its vectors is used. Runs in a transaction.
   * @throws Error when the model is no longer the next one. The caller must roll back.
   */
  async insertNext(vectors: readonly NewVector[]): Promise<void> {
    if (vectors.length === 0) {
      return;
    }
    const signers = await lockSigners(
      this.sql,
      'document_chunks_next',
      `CREATE TEMPORARY TABLE IF NOT EXISTS incoming_signed_vectors
         (document_id uuid, chunk_hash text, embedding vector, embedding_model text, embedding_hash text,
          signature_a bit varying, signature_b bit varying) ON COMMIT DELETE ROWS`,
    );
    await this.sql.copyIn(
      'COPY incoming_signed_vectors FROM STDIN (FORMAT binary)',
      encodeCopy(
        ['uuid', 'text', 'vector', 'text', 'text', 'varbit', 'varbit'],
        vectors.map((v) => [
          v.documentId,
          v.chunkHash,
          v.embedding,
          v.embeddingModel,
          v.embeddingHash,
          ...signAll(signers, v.embedding),
        ]),
      ),
    );
    const stored = await this.sql.affected(
      `INSERT INTO document_chunks_next
         (id, document_id, collection_id, owner_id, chunk_index, chunk_hash, content_hash, content, token_count,
          page_start, page_end, section, coordinates, metadata, created_at, embedding, embedding_model, embedding_hash,
          signature_a, signature_b)
       SELECT DISTINCT ON (c.document_id, c.chunk_hash)
              c.id, c.document_id, c.collection_id, c.owner_id, c.chunk_index, c.chunk_hash, c.content_hash, c.content,
              c.token_count, c.page_start, c.page_end, c.section, c.coordinates, c.metadata, c.created_at, i.embedding,
              i.embedding_model, i.embedding_hash, i.signature_a, i.signature_b
       FROM incoming_signed_vectors i JOIN document_chunks c USING (document_id, chunk_hash)
       WHERE i.embedding_model = (SELECT model_key FROM re_embeddings WHERE status = 'running')
       ORDER BY c.document_id, c.chunk_hash
       ON CONFLICT (document_id, chunk_hash) DO UPDATE SET
         embedding = excluded.embedding, embedding_model = excluded.embedding_model,
         embedding_hash = excluded.embedding_hash, signature_a = excluded.signature_a,
         signature_b = excluded.signature_b, updated_at = now()`,
    );
    const distinct = new Map(vectors.map((vector) => [`${vector.documentId} ${vector.chunkHash}`, vector]));
    refuseOtherModel(stored, [...distinct.values()]);
  }

  /**
   * The embedding cache: the table's vectors of what has these hashes, by hash.
   * @param model the key of the model
   */
  async findEmbeddings(
    hashes: readonly string[],
    model: string,
    table: VectorTable = 'document_chunks',
  ): Promise<Map<string, Float32Array>> {
    const rows = await this.sql.many<{ hash: string; embedding: string }>(
      `SELECT DISTINCT ON (hash) coalesce(embedding_hash, content_hash) AS hash, embedding::text AS embedding
       FROM ${table}
       WHERE coalesce(embedding_hash, content_hash) = ANY($<hashes>::text[]) AND embedding_model = $<model>
         AND embedding IS NOT NULL`,
      { hashes, model },
    );
    return new Map(rows.map((row) => [row.hash, Float32Array.from(JSON.parse(row.embedding) as number[])]));
  }

  /** Up to `limit` chunks of the document after chunk index `after`, in order of chunk index. */
  list(documentId: string, options: { after: number; limit: number }): Promise<DocumentChunkRow[]> {
    return this.sql.many(
      `SELECT ${columns} FROM document_chunks
       WHERE document_id = $<documentId> AND chunk_index > $<after>
       ORDER BY chunk_index LIMIT $<limit>`,
      { documentId, ...options },
    );
  }

  /** Up to `limit` chunks after chunk index `after`, in order, with everything that a copy of them needs. */
  async listStored(
    documentId: string,
    options: { after: number; limit: number },
  ): Promise<Omit<NewDocumentChunk, 'id' | 'documentId' | 'collectionId' | 'ownerId'>[]> {
    const rows = await this.sql.many<
      Omit<DocumentChunkRow, 'id' | 'embeddingModel'> & {
        embeddingHash: string | null;
        embeddingModel: string;
        embedding: Buffer;
      }
    >(
      `SELECT chunk_index AS "chunkIndex", chunk_hash AS "chunkHash", content_hash AS "contentHash",
         embedding_hash AS "embeddingHash", content, token_count AS "tokenCount", page_start AS "pageStart",
         page_end AS "pageEnd", section, coordinates, metadata, embedding_model AS "embeddingModel",
         vector_send(embedding) AS embedding
       FROM document_chunks
       WHERE document_id = $<documentId> AND chunk_index > $<after> AND embedding IS NOT NULL
       ORDER BY chunk_index LIMIT $<limit>`,
      { documentId, ...options },
    );
    return rows.map((row) => ({ ...row, embedding: decodeVector(row.embedding) }));
  }

  /** Moves all chunks of these documents to another collection. Their vectors stay. Runs in a transaction that keeps the models. */
  async moveTo(documentIds: readonly string[], collectionId: string): Promise<void> {
    const move = (table: VectorTable) =>
      this.sql.none(
        `UPDATE ${table} SET collection_id = $<collectionId> WHERE document_id = ANY($<documentIds>::uuid[])`,
        {
          documentIds,
          collectionId,
        },
      );
    await move('document_chunks');
    // A re-embedding copies the collection from document_chunks. What it has copied already is changed here.
    const { exists } = await this.sql.one<{ exists: boolean }>(
      `SELECT to_regclass('document_chunks_next') IS NOT NULL AS exists`,
    );
    if (exists) {
      await move('document_chunks_next');
    }
  }

  /** See searchChunks. */
  search(vector: Float32Array, filter: SearchFilter, wanted: WantedChunks): Promise<SearchRow[]> {
    return searchChunks(this.sql, this.indexes, vector, filter, wanted);
  }
}

function refuseOtherModel(stored: number, given: readonly { embeddingModel: string }[]): void {
  if (stored < given.length) {
    throw new Error(`The database no longer takes vectors of ${given[0]?.embeddingModel}.`);
  }
}
