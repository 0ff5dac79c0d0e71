import { sha256Hex } from '@millrace/contracts';
import { type CopyType, encodeCopy, firstAdminId, type NewDocumentChunk, type Sql } from '@millrace/database';
import { documentOf, scopeCollections } from './rows';

/** Documents of a data set: numbers from `from` up to, not including, `to`. */
export interface DocumentRange {
  from: number;
  to: number;
  /** Chunks of each document. */
  perDocument: number;
}

/** Inserts the collections of the set's small parts. */
export function insertCollections(sql: Sql): Promise<void> {
  return sql.none(
    `INSERT INTO collections (id, owner_id, name) SELECT id, $<owner>, id FROM unnest($<ids>::uuid[]) AS id
     ON CONFLICT DO NOTHING`,
    { owner: firstAdminId, ids: Object.values(scopeCollections) },
  );
}

/** Inserts documents that are ready. Existing ones stay. */
export async function insertDocuments(sql: Sql, { from, to, perDocument }: DocumentRange): Promise<void> {
  const documents = Array.from({ length: to - from }, (_, n) => documentOf(from + n));
  await sql.none(
    `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, page_count,
                            total_chunks, metadata, status)
     SELECT id, collection_id, $<owner>, 'bench.pdf', hash, 'application/pdf', 1, $<pages>, $<chunks>,
            jsonb_build_object('part', part), 'ready'
     FROM unnest($<ids>::uuid[], $<collections>::uuid[], $<hashes>::text[], $<parts>::text[])
       AS document (id, collection_id, hash, part)
     ON CONFLICT DO NOTHING`,
    {
      owner: firstAdminId,
      pages: Math.ceil(perDocument / 3),
      chunks: perDocument,
      ids: documents.map((document) => document.id),
      collections: documents.map((document) => document.collectionId),
      hashes: documents.map((document) => sha256Hex(document.id)),
      parts: documents.map((document) => document.part ?? 'rest'),
    },
  );
}

const columns: readonly [string, CopyType, (chunk: NewDocumentChunk) => unknown][] = [
  ['id', 'uuid', (chunk) => chunk.id],
  ['document_id', 'uuid', (chunk) => chunk.documentId],
  ['collection_id', 'uuid', (chunk) => chunk.collectionId],
  ['owner_id', 'uuid', (chunk) => chunk.ownerId],
  ['chunk_index', 'int4', (chunk) => chunk.chunkIndex],
  ['chunk_hash', 'text', (chunk) => chunk.chunkHash],
  ['content_hash', 'text', (chunk) => chunk.contentHash],
  ['content', 'text', (chunk) => chunk.content],
  ['token_count', 'int4', (chunk) => chunk.tokenCount],
  ['page_start', 'int4', (chunk) => chunk.pageStart],
  ['page_end', 'int4', (chunk) => chunk.pageEnd],
  ['section', 'text', (chunk) => chunk.section],
  ['coordinates', 'jsonb', (chunk) => chunk.coordinates],
  ['embedding', 'vector', (chunk) => chunk.embedding],
  ['embedding_model', 'text', (chunk) => chunk.embeddingModel],
];
const names = columns.map(([name]) => name).join(', ');
const types = columns.map(([, type]) => type);

/** Copies new chunks straight into document_chunks (binary COPY). It must run in a transaction. */
export function copyChunks(sql: Sql, chunks: readonly NewDocumentChunk[]): Promise<void> {
  const rows = chunks.map((chunk) => columns.map(([, , value]) => value(chunk)));
  return sql.copyIn(`COPY document_chunks (${names}) FROM STDIN (FORMAT binary)`, encodeCopy(types, rows));
}
