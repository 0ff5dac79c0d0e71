import type { RunningStack } from '@millrace/stack';
import { withStackOn } from '../benchStack';
import type { Options } from '../options';
import type { BenchmarkResult, Figures } from '../report';
import { mean, percentile } from '../statistics';
import { type Dataset, withDataset } from '../vectors/dataset';
import { collectionFilters, metadataFilters, noFilter, type ScopedFilter } from '../vectors/filters';
import { moreQueries } from '../vectors/queries';
import { recallAt } from '../vectors/truth';
import { keepIndex, oneIndex } from '../vectors/vectorIndex';
import { type LoadResult, type LoadTask, withLoadProcess } from './loadProcess';
import { recordSearches } from './recordSearches';

const limit = 10;

interface Setting {
  dataset: Dataset;
  stack: RunningStack;
  load: (task: LoadTask) => Promise<LoadResult>;
  queries: number;
  /** After this time a measurement ends, even if queries are left. */
  seconds: number;
}

/**
 * Measures searches through one API process beside the bare SQL: the same messages that the product sends, with vectors made
 * before, from a process that does nothing else, over as many connections as there are clients.
 */
export async function search(options: Options): Promise<BenchmarkResult> {
  const { environment, quick } = options;
  const wanted = oneIndex(options.kinds);
  const extent = quick ? { queries: 200, seconds: 1 } : { queries: 2_000, seconds: 30 };
  return withDataset(options, async (dataset) => {
    const { name } = await keepIndex(dataset, wanted);
    await prewarm(dataset, name);
    const variables = { SEARCH_EFFORT: String(wanted.effort ?? 1) };
    const replicas = { api: 1, chunker: 0, embedder: 0, reconciler: 0 };
    return withStackOn(environment, dataset.databaseUrl, { replicas, variables }, ({ stack }) =>
      withLoadProcess(async (load) => ({
        figures: {
          rows: dataset.rows,
          ...(await measureAll({ dataset, stack, load, ...extent }, wanted.effort ?? 1)),
        },
        conditions: { kind: wanted.kind },
      })),
    );
  });
}

/** Reads index and table into the machine's cache, if the server has pg_prewarm. Otherwise the first searches do. */
async function prewarm({ database: { sql } }: Dataset, index: string): Promise<void> {
  const available = await sql.oneOrNone(`SELECT FROM pg_available_extensions WHERE name = 'pg_prewarm'`);
  if (available === null) {
    return;
  }
  await sql.none('CREATE EXTENSION IF NOT EXISTS pg_prewarm');
  await sql.many(
    `SELECT pg_prewarm(relation, 'read') FROM unnest(ARRAY[
       $1::regclass, 'document_chunks'::regclass, 'document_chunks_pkey'::regclass,
       (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'document_chunks'::regclass)]) AS relation`,
    [index],
  );
}

async function measureAll(setting: Setting, effort: number): Promise<Figures> {
  const { dataset, load, seconds } = setting;
  const queries = moreQueries(dataset.corpus, setting.queries);
  const vectors = await dataset.provider.embed(queries);
  const figures: Figures = {};
  // The API's code is slow until V8 has seen it run.
  await load(httpTask(setting, queries, noFilter, 8, seconds));
  for (const filter of [...collectionFilters, ...metadataFilters]) {
    const prefix = filter.scope === 'all' ? '' : `${filter.name}_`;
    figures[`${prefix}recall_at_10`] = await recallThroughApi(setting, filter);
    // This asks every query once, which warms the cache.
    const recorded = await recordSearches(dataset, vectors, filter, { limit, effort, seconds: 2 * seconds });
    const asked = queries.slice(0, recorded.length);
    // One load is enough to compare a filter by metadata with the same part by collection.
    for (const clients of metadataFilters.includes(filter) ? [8] : [1, 8, 32]) {
      const api = await load(httpTask(setting, asked, filter, clients, seconds));
      const { databaseUrl } = dataset;
      const sql = await load({ kind: 'sql', databaseUrl, statements: recorded, clients, seconds });
      Object.assign(figures, describe(prefix, clients, api), describe(`${prefix}sql_`, clients, sql));
      if (clients === 8) {
        figures[`${prefix}ratio_to_sql`] = percentile(api.times, 50) / percentile(sql.times, 50);
        figures[`${prefix}ratio_to_sql_p95`] = percentile(api.times, 95) / percentile(sql.times, 95);
      }
    }
  }
  return figures;
}

async function recallThroughApi(setting: Setting, filter: ScopedFilter): Promise<number> {
  const { queries, truth } = setting.dataset;
  const { similarities } = await setting.load(httpTask(setting, queries, filter, 8, Number.POSITIVE_INFINITY));
  return mean(similarities.map((found, query) => recallAt(limit, found, truth[filter.scope][query])));
}

function httpTask(
  { stack }: Setting,
  queries: readonly string[],
  { filter }: ScopedFilter,
  clients: number,
  seconds: number,
): LoadTask {
  const narrowed = {
    ...(filter.collectionIds === undefined ? {} : { collection_id: filter.collectionIds[0] }),
    ...(filter.metadata === undefined ? {} : { filter: { metadata: filter.metadata } }),
  };
  const bodies = queries.map((query) => JSON.stringify({ query, limit, ...narrowed }));
  return { kind: 'http', url: `${stack.apiUrl}/api/v1/search`, apiKey: stack.apiKey, bodies, clients, seconds };
}

function describe(prefix: string, clients: number, { times, perSecond }: LoadResult): Figures {
  return {
    ...Object.fromEntries(
      [50, 95, 99].map((percent) => [`${prefix}p${percent}_ms_${clients}_clients`, percentile(times, percent)]),
    ),
    [`${prefix}per_second_${clients}_clients`]: perSecond,
    [`${prefix}searches_${clients}_clients`]: times.length,
  };
}
