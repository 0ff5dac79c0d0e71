import type { Box, DocumentStatus } from '@millrace/contracts';
import type { Sql } from '../sql';
import { findVectorIndexes } from './find';
import { planExactScan, planVectorScan, type VectorScan } from './scan';

export interface SearchFilter {
  /** The query's model: vectors of two models cannot be compared. */
  embeddingModel: string;
  collectionId?: string | undefined;
  documentId?: string | undefined;
  /** What the document's metadata must contain. */
  metadata?: Record<string, unknown> | undefined;
}

export interface SearchRow {
  chunk_id: string;
  document_id: string;
  collection_id: string;
  filename: string;
  document_status: DocumentStatus;
  content: string;
  score: number;
  page_start: number;
  page_end: number;
  section: string | null;
  coordinates: Box[];
}

/** A vector as pgvector's text form. */
function toText(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}

/** A row, and of how many candidates it is among the best. */
type Found = SearchRow & { candidates: number };

/**
 * The chunks nearest to `vector` by cosine distance, nearest first, by whatever vector index there is.
 *
 * An index scan that a filter thins out may give up before it has found enough. Then what the filter leaves is compared
 * whole: few rows, or the scan would have met enough of them, unless they are all far from the query. A search without a
 * filter is not repeated, since it would compare the whole table.
 *
 * Runs in a transaction, because the scan's settings hold for it alone.
 */
export async function searchChunks(
  sql: Sql,
  vector: Float32Array,
  filter: SearchFilter,
  limit: number,
): Promise<SearchRow[]> {
  const filtered = [filter.collectionId, filter.documentId, filter.metadata].some((part) => part !== undefined);
  const wanted = { vector: 'c.embedding', query: '$<vector>::vector', dimensions: vector.length, limit, filtered };
  const scan = planVectorScan(await findVectorIndexes(sql), wanted);
  const found = await scanChunks(sql, scan, { vector, filter, limit });
  const short = (found[0]?.candidates ?? 0) < scan.candidates;
  const rows =
    short && filtered && !scan.exact ? await scanChunks(sql, planExactScan(wanted), { vector, filter, limit }) : found;
  return rows.map(({ candidates: _, ...row }) => row);
}

async function scanChunks(
  sql: Sql,
  scan: VectorScan,
  { vector, filter, limit }: { vector: Float32Array; filter: SearchFilter; limit: number },
): Promise<Found[]> {
  await sql.many(
    'SELECT set_config(name, value, true) FROM unnest($<names>::text[], $<values>::text[]) AS setting (name, value)',
    { names: Object.keys(scan.settings), values: Object.values(scan.settings) },
  );
  return sql.many<Found>(
    `WITH nearest AS MATERIALIZED (
       SELECT c.id, c.embedding <=> $<vector>::vector AS distance
       FROM document_chunks c ${filter.metadata === undefined ? '' : 'JOIN documents d ON d.id = c.document_id'}
       WHERE c.embedding IS NOT NULL AND c.embedding_model = $<embeddingModel>
         AND ($<collectionId>::uuid IS NULL OR c.collection_id = $<collectionId>)
         AND ($<documentId>::uuid IS NULL OR c.document_id = $<documentId>)
         ${filter.metadata === undefined ? '' : 'AND d.metadata @> $<metadata>::jsonb'}
       ORDER BY ${scan.distance} LIMIT $<candidates>
     ), ordered AS (
       SELECT id, distance FROM nearest ORDER BY distance LIMIT $<limit>
     )
     SELECT c.id AS chunk_id, c.document_id, c.collection_id, d.filename, d.status AS document_status, c.content,
            1 - distance AS score, c.page_start, c.page_end, c.section, c.coordinates,
            (SELECT count(*) FROM nearest)::integer AS candidates
     FROM ordered JOIN document_chunks c USING (id) JOIN documents d ON d.id = c.document_id ORDER BY distance`,
    {
      vector: toText(vector),
      embeddingModel: filter.embeddingModel,
      collectionId: filter.collectionId ?? null,
      documentId: filter.documentId ?? null,
      metadata: filter.metadata === undefined ? null : JSON.stringify(filter.metadata),
      candidates: scan.candidates,
      limit,
    },
  );
}
