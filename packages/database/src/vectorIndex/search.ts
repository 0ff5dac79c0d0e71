import type { Box, DocumentStatus } from '@millrace/contracts';
import type { Sql } from '../sql';
import type { KnownIndexes } from './knownIndexes';
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

/**
 * A vector as pgvector's text form, to nine decimals, which is more than single precision has. As whole numbers with an
 * exponent: writing fractions out takes ten times as long, a tenth of a search's time.
 */
function toText(vector: Float32Array): string {
  const parts = Array.from(vector, (value) => `${Math.round(value * 1e9)}e-9`);
  return `[${parts.join(',')}]`;
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
  indexes: KnownIndexes,
  vector: Float32Array,
  filter: SearchFilter,
  limit: number,
): Promise<SearchRow[]> {
  const filtered = [filter.collectionId, filter.documentId, filter.metadata].some((part) => part !== undefined);
  const wanted = {
    vector: 'c.embedding',
    query: '(SELECT query FROM asked)',
    dimensions: vector.length,
    limit,
    filtered,
  };
  const scan = planVectorScan(await indexes.list(sql), wanted);
  const found = await scanChunks(sql, scan, { vector, filter, limit });
  const short = (found[0]?.candidates ?? 0) < scan.enough;
  const rows =
    short && filtered && !scan.exact ? await scanChunks(sql, planExactScan(wanted), { vector, filter, limit }) : found;
  return rows.map(({ candidates: _, ...row }) => row);
}

async function scanChunks(
  sql: Sql,
  scan: VectorScan,
  { vector, filter, limit }: { vector: Float32Array; filter: SearchFilter; limit: number },
): Promise<Found[]> {
  // One message with the settings before it: the vector stands in it once, and travels once.
  const settings = Object.entries(scan.settings).map(([name, value]) => `SET LOCAL ${name} = ${value}; `);
  return sql.many<Found>(
    `${settings.join('')}WITH asked AS MATERIALIZED (
       SELECT $<vector>::vector AS query
     ), nearest AS MATERIALIZED (
       SELECT c.id, ${scan.exact ? scan.distance : 'c.embedding <=> (SELECT query FROM asked)'} AS distance
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
