import { loadConfig } from '@millrace/config';
import { Database, migrate } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { Client } from 'pg';
import { withStaticProvider } from '../benchStack';
import type { BenchmarkResult } from '../report';
import { withScratchDatabase } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { buildVectorIndex, createLayout, insertRows, type Layout, layouts, partitionCount } from './layouts';
import { exactIn, searchIn, type TableQuery } from './searchIn';
import { fillSource, type Source } from './source';

const batchSize = 500;
/** Of the rows, the part that is inserted while the vector index is there. */
const liveShare = 0.1;
const queryCount = 200;

/** What was measured of one layout. */
type Measured = Record<string, number>;

/** What reads a table. */
interface Reader {
  client: Client;
  database: Database;
  /** Of the vectors. */
  model: string;
}

/**
 * A table like document_chunks beside one that is partitioned by hash of the collection, with the same rows, storage, options
 * and indexes: inserting, building the vector index, searching with and without a collection, and what goes by other keys.
 */
export async function partitions(environment: NodeJS.ProcessEnv, quick: boolean): Promise<BenchmarkResult> {
  const config = loadConfig(withStaticProvider(environment));
  const provider = await createEmbeddingProvider(config.embedding);
  const rows = quick ? 2_000 : 50_000;
  return withScratchDatabase(config.DATABASE_URL, async (databaseUrl) => {
    const { model, dimensions } = provider;
    await migrate({ databaseUrl, direction: 'up', embeddingModel: model, embeddingDimensions: dimensions });
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    const database = new Database({ url: databaseUrl, poolMax: 1, connectTimeoutMs: 10_000, applicationName: 'bench' });
    try {
      const source = await fillSource(client, database, provider, rows);
      const measured = new Map<Layout, Measured>();
      for (const layout of layouts) {
        measured.set(layout, await load(client, layout, source));
      }
      // In turns, so that whatever else the machine does meets both alike.
      for (const layout of layouts) {
        Object.assign(measured.get(layout) ?? {}, await read({ client, database, model }, layout, source));
      }
      return describe(rows, measured);
    } finally {
      await database.close();
      await client.end();
    }
  });
}

async function load(client: Client, layout: Layout, { chunkIds, vectorIndex }: Source): Promise<Measured> {
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
  await buildVectorIndex(client, layout, vectorIndex);
  const buildSeconds = (performance.now() - startedAt) / 1000;
  const liveRowsPerSecond = await insert(chunkIds.slice(before));
  await client.query(`ANALYZE ${layout.table}`);
  return {
    rows_per_second: rowsPerSecond,
    index_build_seconds: buildSeconds,
    live_rows_per_second: liveRowsPerSecond,
  };
}

async function read({ client, database, model }: Reader, { table }: Layout, source: Source): Promise<Measured> {
  const { rows } = await client.query<{ vector: string; collection: string }>(
    `SELECT embedding::text AS vector, collection_id AS collection FROM document_chunks WHERE id = ANY($1::uuid[])`,
    [everyNth(source.chunkIds, queryCount)],
  );
  const queries = rows.map(({ vector, collection }) => ({
    vector: Float32Array.from(JSON.parse(vector) as number[]),
    collectionId: collection,
  }));
  const search = (query: TableQuery) => searchIn(database, table, query, model);
  const inAll = queries.map(({ vector }) => ({ vector }));
  const ask = (statement: string) => (values: unknown[]) => client.query(statement, values);
  // Once for the cache, which is not what is compared.
  await medianTime(inAll, search);
  return {
    search_all_p50_ms: await medianTime(inAll, search),
    search_all_recall_at_10: await recall(client, { table, search }, inAll),
    search_collection_p50_ms: await medianTime(queries, search),
    search_collection_recall_at_10: await recall(client, { table, search }, queries),
    known_vectors_p50_ms: await medianTime(
      queries.map((_, n) => [source.contentHashes.slice(n * 64, n * 64 + 64)]),
      ask(`SELECT content_hash FROM ${table} WHERE content_hash = ANY($1) AND embedding IS NOT NULL`),
    ),
    document_p50_ms: await medianTime(
      everyNth(source.documentIds, queryCount).map((id) => [id]),
      ask(`SELECT id FROM ${table} WHERE document_id = $1 ORDER BY chunk_index LIMIT 100`),
    ),
  };
}

/** The median time of asking each, in milliseconds. */
async function medianTime<T>(queries: readonly T[], ask: (query: T) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (const query of queries) {
    const startedAt = performance.now();
    await ask(query);
    times.push(performance.now() - startedAt);
  }
  return percentile(times, 50);
}

/** How many of the ten nearest a search finds, from 0 to 1, over a tenth of the queries. */
async function recall(
  client: Client,
  { table, search }: { table: string; search: (query: TableQuery) => Promise<string[]> },
  queries: readonly TableQuery[],
): Promise<number> {
  let found = 0;
  let wanted = 0;
  for (const query of queries.filter((_, index) => index % 10 === 0)) {
    const near = new Set(await search(query));
    const exact = await exactIn(client, table, query);
    found += exact.filter((id) => near.has(id)).length;
    wanted += exact.length;
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
