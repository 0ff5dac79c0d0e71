import type { Box, DocumentStatus } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import { signatureBits } from '../signature/signature';
import { findSigner } from '../signature/storedMeans';
import { expectedRows, filteredChunks, filterValues, isNarrow, type SearchFilter } from './filter';
import type { KnownIndexes } from './knownIndexes';
import { planExactScan, planVectorScan, type VectorScan } from './scan';

export interface SearchRow {
  chunkId: string;
  documentId: string;
  collectionId: string;
  externalId: string | null;
  version: number;
  filename: string;
  documentStatus: DocumentStatus;
  content: string;
  score: number;
  pageStart: number;
  pageEnd: number;
  section: string | null;
  coordinates: Box[];
}

/**
 * Formats a vector as pgvector's text with nine decimals, more than single precision has. Each value is a whole number with
 * an exponent. Formatting fractions takes ten times as long, a tenth of a search's time.
 */
function toText(vector: Float32Array): string {
  const parts = Array.from(vector, (value) => `${Math.round(value * 1e9)}e-9`);
  return `[${parts.join(',')}]`;
}

/** How much a search wants. */
export interface WantedChunks {
  /** The number of chunks to return at most. */
  limit: number;
  /** How much of the vector index to look at, relative to what is usual for its kind. More finds more and takes longer. */
  effort?: number;
}

/**
 * Finds the chunks nearest to `vector` by cosine distance, nearest first, with the newest vector index.
 *
 * All rows that a filter leaves are compared when the planner's estimate says that this is about as fast. An index scan with
 * a filter may give up before it has found enough. Then all rows are compared after all: either few are left, or they are all
 * far from the query. A search without a filter is not repeated, because it would compare the whole table.
 *
 * It must run in a transaction, because the scan's settings hold for one transaction.
 */
export async function searchChunks(
  sql: Sql,
  indexes: KnownIndexes,
  vector: Float32Array,
  filter: SearchFilter,
  { limit, effort = 1 }: WantedChunks,
): Promise<SearchRow[]> {
  const filtered = isNarrow(filter);
  const query = '(SELECT query FROM asked)';
  const signatureSql = `$<signature>::bit(${signatureBits(vector.length)})`;
  const wanted = { query, signature: signatureSql, dimensions: vector.length, limit, effort, filtered };
  let signature: Buffer | null = null;
  const run = (plan: VectorScan) => scanChunks(sql, plan, { vector, signature, filter, limit });
  const compareAll = () => run(planExactScan(wanted));

  let scan = planVectorScan(await indexes.list(sql, filter.embeddingModel, vector.length), wanted);
  if (scan.meanId !== null) {
    signature = (await findSigner(sql, scan.meanId))?.sign(vector) ?? null;
    // The index and its mean have been dropped since the indexes were listed.
    if (signature === null) {
      indexes.forget();
      scan = planExactScan(wanted);
    }
  }
  const mayGiveUp = filtered && !scan.exact;
  if (mayGiveUp && (await expectedRows(sql, filter)) <= scan.maxExactRows) {
    return (await compareAll()).rows;
  }
  const { rows, candidates } = await run(scan);
  return mayGiveUp && candidates < scan.minCandidates ? (await compareAll()).rows : rows;
}

/** The rows of a scan, and how many candidates they are the best of. */
interface Found {
  rows: SearchRow[];
  candidates: number;
}

async function scanChunks(
  sql: Sql,
  scan: VectorScan,
  {
    vector,
    signature,
    filter,
    limit,
  }: { vector: Float32Array; signature: Buffer | null; filter: SearchFilter; limit: number },
): Promise<Found> {
  // Settings and query are one message, and the vector is in it once.
  const settings = Object.entries(scan.settings).map(([name, value]) => `SET LOCAL ${name} = ${value}; `);
  const found = await sql.many<SearchRow & { candidates: number }>(
    `${settings.join('')}WITH asked AS MATERIALIZED (
       SELECT $<vector>::vector AS query
     ), nearest AS MATERIALIZED (
       SELECT c.id, ${scan.exact ? scan.distance : 'c.embedding <=> (SELECT query FROM asked)'} AS distance
       ${filteredChunks(filter)}
       ORDER BY ${scan.distance} LIMIT $<candidates>
     ), ordered AS (
       SELECT id, distance FROM nearest ORDER BY distance LIMIT $<limit>
     )
     SELECT c.id AS "chunkId", c.document_id AS "documentId", c.collection_id AS "collectionId",
            d.external_id AS "externalId", d.version, d.filename, d.status AS "documentStatus", c.content, 1 - distance AS score, c.page_start AS "pageStart",
            c.page_end AS "pageEnd", c.section, c.coordinates,
            (SELECT count(*) FROM nearest)::integer AS candidates
     FROM ordered JOIN document_chunks c USING (id) JOIN documents d ON d.id = c.document_id ORDER BY distance`,
    {
      ...filterValues(filter),
      vector: toText(vector),
      signature: signature && `x${signature.toString('hex')}`,
      candidates: scan.candidates,
      limit,
    },
  );
  return { rows: found.map(({ candidates: _, ...row }) => row), candidates: found[0]?.candidates ?? 0 };
}
