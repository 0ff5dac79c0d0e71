import { loadConfig } from '@millrace/config';
import { migrate } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { Client } from 'pg';
import type { BenchmarkResult } from '../report';
import { withScratchDatabase } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { buildVectorIndex, createLayout, insertRows, type Layout, layouts, partitionCount } from './layouts';
import { fillSource, type Source } from './source';

const batchSize = 500;
/** Of the rows, the part that is inserted while the vector index is there. */
const liveShare = 0.1;
const queryCount = 200;

/** What was measured of one layout. */
type Measured = Record<string, number>;

/**
 * document_chunks as it is beside a copy that is partitioned by hash of the collection, with the same rows: inserting,
 * building the vector index, searching with and without a collection, and what goes by other keys.
 */
export async function partitions(environment: NodeJS.ProcessEnv, quick: boolean): Promise<BenchmarkResult> {
  const config = loadConfig(environment);
  const provider = await createEmbeddingProvider(config);
  const rows = quick ? 2_000 : 50_000;
  return withScratchDatabase(config.DATABASE_URL, async (databaseUrl) => {
    const { model, dimensions } = provider;
    await migrate({ databaseUrl, direction: 'up', embeddingModel: model, embeddingDimensions: dimensions });
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      const source = await fillSource(client, databaseUrl, provider, rows);
      const measured = new Map<Layout, Measured>();
      for (const layout of layouts) {
        measured.set(layout, await load(client, layout, source));
      }
      // In turns, so that whatever else the machine does meets both alike.
      for (const layout of layouts) {
        Object.assign(measured.get(layout) ?? {}, await read(client, layout, source));
      }
      return describe(rows, measured);
    } finally {
      await client.end();
    }
  });
}

async function load(client: Client, layout: Layout, { chunkIds }: Source): Promise<Measured> {
  await createLayout(client, layout);
  const before = Math.round(chunkIds.length * (1 - liveShare));
  const insert = async (ids: readonly string[]) => {
    const startedAt = performance.now();
    for (let at = 0; at < ids.length; at += batchSize) {
      await insertRows(client, layout, ids.slice(at, at + batchSize));
    }
    return ids.length / ((performance.now() - startedAt) / 1000);
  };
  const rowsPerSecond = await insert(chunkIds.slice(0, before));
  const startedAt = performance.now();
  await buildVectorIndex(client, layout);
  const buildSeconds = (performance.now() - startedAt) / 1000;
  const liveRowsPerSecond = await insert(chunkIds.slice(before));
  await client.query(`ANALYZE ${layout.table}`);
  return {
    rows_per_second: rowsPerSecond,
    index_build_seconds: buildSeconds,
    live_rows_per_second: liveRowsPerSecond,
  };
}

async function read(client: Client, { table }: Layout, source: Source): Promise<Measured> {
  const { rows: queries } = await client.query<{ id: string; vector: string; collection: string }>(
    `SELECT id, embedding::text AS vector, collection_id AS collection FROM document_chunks WHERE id = ANY($1::uuid[])`,
    [everyNth(source.chunkIds, queryCount)],
  );
  await client.query('SET hnsw.ef_search = 100; SET hnsw.iterative_scan = strict_order');
  const search = (condition: string) =>
    `SELECT id FROM ${table} WHERE ${condition} ORDER BY embedding <=> $1::vector LIMIT 10`;
  const median = async (statement: string, values: readonly unknown[][]) => {
    const times: number[] = [];
    for (const value of values) {
      const startedAt = performance.now();
      await client.query(statement, value);
      times.push(performance.now() - startedAt);
    }
    return percentile(times, 50);
  };
  const inAll = queries.map((query) => [query.vector]);
  const inOne = queries.map((query) => [query.vector, query.collection]);
  // Once for the cache, which is not what is compared.
  await median(search('true'), inAll);
  return {
    search_all_p50_ms: await median(search('true'), inAll),
    search_all_recall_at_10: await recall(client, search('true'), inAll),
    search_collection_p50_ms: await median(search('collection_id = $2'), inOne),
    search_collection_recall_at_10: await recall(client, search('collection_id = $2'), inOne),
    known_vectors_p50_ms: await median(
      `SELECT content_hash FROM ${table} WHERE content_hash = ANY($1) AND embedding IS NOT NULL`,
      queries.map((_, n) => [source.contentHashes.slice(n * 64, n * 64 + 64)]),
    ),
    document_p50_ms: await median(
      `SELECT id FROM ${table} WHERE document_id = $1 ORDER BY chunk_index LIMIT 100`,
      everyNth(source.documentIds, queryCount).map((id) => [id]),
    ),
  };
}

/** How many of the ten nearest a search finds, from 0 to 1, over a tenth of the queries. */
async function recall(client: Client, statement: string, queries: readonly unknown[][]): Promise<number> {
  const sample = queries.filter((_, index) => index % 10 === 0);
  let found = 0;
  let wanted = 0;
  for (const values of sample) {
    const near = await client.query<{ id: string }>(statement, [...values]);
    await client.query('BEGIN; SET LOCAL enable_indexscan = off');
    const exact = await client.query<{ id: string }>(statement, [...values]);
    await client.query('COMMIT');
    const ids = new Set(near.rows.map((row) => row.id));
    found += exact.rows.filter((row) => ids.has(row.id)).length;
    wanted += exact.rows.length;
  }
  return found / wanted;
}

function everyNth<T>(values: readonly T[], count: number): T[] {
  const step = Math.max(1, Math.floor(values.length / count));
  return values.filter((_, index) => index % step === 0).slice(0, count);
}

function describe(rows: number, measured: ReadonlyMap<Layout, Measured>): BenchmarkResult {
  const table: [string, string][] = [['', `plain, then ${partitionCount} partitions; ${rows} rows`]];
  const figures: Record<string, number> = { rows };
  const [plain = {}, partitioned = {}] = [...measured.values()];
  for (const [name, value] of Object.entries(plain)) {
    const other = partitioned[name] ?? Number.NaN;
    table.push([name, `${format(value)}  ${format(other)}  (x ${format(other / value)})`]);
    figures[`plain_${name}`] = value;
    figures[`partitioned_${name}`] = other;
  }
  return { table, figures };
}
