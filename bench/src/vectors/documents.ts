import { sha256Hex } from '@millrace/contracts';
import { type Sql, systemOwnerId } from '@millrace/database';
import { type DatasetDocument, documentOf, scopeCollections } from './rows';

/** Inserts the collections of the set's small parts. */
export function insertCollections(sql: Sql): Promise<void> {
  return sql.none(
    `INSERT INTO collections (id, owner_id, name) SELECT id, $<owner>, id FROM unnest($<ids>::uuid[]) AS id
     ON CONFLICT DO NOTHING`,
    { owner: systemOwnerId, ids: Object.values(scopeCollections) },
  );
}

/** Inserts the documents of these numbers, ready, with as many chunks each. Those that are there already stay. */
export async function insertDocuments(
  sql: Sql,
  { from, to, perDocument }: { from: number; to: number; perDocument: number },
): Promise<void> {
  const documents: DatasetDocument[] = [];
  for (let number = from; number < to; number += 1) {
    documents.push(documentOf(number));
  }
  await sql.none(
    `INSERT INTO documents (id, collection_id, owner_id, filename, content_hash, mime_type, size_bytes, page_count,
                            total_chunks, metadata, status)
     SELECT id, collection_id, $<owner>, 'bench.pdf', hash, 'application/pdf', 1, $<pages>, $<chunks>,
            jsonb_build_object('part', part), 'ready'
     FROM unnest($<ids>::uuid[], $<collections>::uuid[], $<hashes>::text[], $<parts>::text[])
       AS document (id, collection_id, hash, part)
     ON CONFLICT DO NOTHING`,
    {
      owner: systemOwnerId,
      pages: Math.ceil(perDocument / 3),
      chunks: perDocument,
      ids: documents.map((document) => document.id),
      collections: documents.map((document) => document.collectionId),
      hashes: documents.map((document) => sha256Hex(document.id)),
      parts: documents.map((document) => document.part ?? 'rest'),
    },
  );
}
