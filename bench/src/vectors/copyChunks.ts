import { type CopyType, encodeCopy, type NewDocumentChunk, type Sql } from '@millrace/database';

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

/** Binary COPY straight into a table like document_chunks, with no regard for rows that are there. In a transaction. */
export function copyChunks(sql: Sql, table: string, chunks: readonly NewDocumentChunk[]): Promise<void> {
  const rows = chunks.map((chunk) => columns.map(([, , value]) => value(chunk)));
  return sql.copyIn(`COPY ${table} (${names}) FROM STDIN (FORMAT binary)`, encodeCopy(types, rows));
}
