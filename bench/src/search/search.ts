import type { RunningStack } from '@millrace/stack';
import { withStackOn } from '../benchStack';
import type { BenchmarkResult } from '../report';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, withDataset } from '../vectors/dataset';
import { defaultIndex, type WantedIndex } from '../vectors/defaultIndex';
import { collectionFilters, metadataFilters, type ScopedFilter } from '../vectors/filters';
import { keepIndex } from '../vectors/keptIndex';
import { moreQueries } from '../vectors/queries';
import { recallAt } from '../vectors/truth';
import { type LoadResult, type LoadTask, withLoadProcess } from './loadProcess';
import { prewarm } from './prewarm';
import { recordSearches } from './recordSearches';

const limit = 10;
const clientCounts = [1, 8, 32];

/** How much is asked. */
interface Extent {
  queries: number;
  /** After which a measurement ends though queries are left. */
  seconds: number;
}

/** What a measurement needs. */
interface Setting {
  dataset: Dataset;
  stack: RunningStack;
  load: (task: LoadTask) => Promise<LoadResult>;
}

/**
 * Searches through one API process beside the bare SQL: for each search the message that the product sends, its settings
 * (SET LOCAL) in it, with the vector made before, by a process that does nothing else, on as many connections as there are
 * clients.
 * @param named the vector index; null for the one that the migrations make
 */
export async function search(
  options: DatasetOptions,
  named: WantedIndex | null,
  quick: boolean,
): Promise<BenchmarkResult> {
  const extent = quick ? { queries: 200, seconds: 1 } : { queries: 2_000, seconds: 30 };
  return withDataset(options, async (dataset) => {
    const wanted = named ?? (await defaultIndex(options, dataset));
    const { index, dead } = await keepIndex(dataset, wanted, console.error);
    await prewarm(dataset, index.name);
    const processes = { api: 1, chunker: 0, embedder: 0, reconciler: 0 };
    return withStackOn(options.environment, dataset.databaseUrl, { replicas: processes }, (bench) =>
      withLoadProcess(async (load) => {
        const result = await measureAll({ dataset, stack: bench.stack, load }, extent);
        result.table.unshift([`rows with ${index.kind}; deleted ones in it`, `${dataset.division.rows}; ${dead}`]);
        result.figures.rows = dataset.division.rows;
        return result;
      }),
    );
  });
}

async function measureAll(setting: Setting, extent: Extent): Promise<BenchmarkResult> {
  const { corpus, provider } = setting.dataset;
  const queries = moreQueries(corpus, extent.queries);
  const vectors = await provider.embed(queries);
  const result: BenchmarkResult = { table: [], figures: {} };
  // The API's code is slow until V8 has seen it run.
  await setting.load(httpTask(setting, queries, {}, { clients: 8, seconds: extent.seconds }));
  for (const filter of [...collectionFilters, ...metadataFilters]) {
    // Everything is asked for once meanwhile, which warms the cache.
    const recorded = await recordSearches(setting.dataset, vectors, filter, { limit, seconds: 2 * extent.seconds });
    const asked = queries.slice(0, recorded.length);
    // By metadata at one load only, which is enough to compare it with the same part by collection.
    const counts = metadataFilters.includes(filter) ? [8] : clientCounts;
    const recall = await recallThroughApi(setting, filter);
    result.table.push([`${filter.title}: recall@10`, recall.toFixed(4)]);
    result.figures[filter.scope === 'all' ? 'recall_at_10' : `${filter.name}_recall_at_10`] = recall;
    for (const clients of counts) {
      const api = await setting.load(httpTask(setting, asked, filter.filter, { clients, seconds: extent.seconds }));
      const sql = await setting.load(sqlTask(setting, recorded, { clients, seconds: extent.seconds }));
      add(result, filter, { clients, api, sql });
    }
  }
  return result;
}

/** The mean over the queries with a known truth. */
async function recallThroughApi(setting: Setting, filter: ScopedFilter): Promise<number> {
  const { queries, truth } = setting.dataset;
  const task = httpTask(setting, queries, filter.filter, { clients: 8, seconds: Number.POSITIVE_INFINITY });
  const { similarities } = await setting.load(task);
  const recalls = similarities.map((found, query) => recallAt(limit, found, truth[filter.scope][query] ?? []));
  return recalls.reduce((sum, recall) => sum + recall, 0) / queries.length;
}

function httpTask(
  { stack }: Setting,
  queries: readonly string[],
  filter: ScopedFilter['filter'],
  extent: { clients: number; seconds: number },
): LoadTask {
  const narrowed = {
    ...(filter.collectionId === undefined ? {} : { collection_id: filter.collectionId }),
    ...(filter.metadata === undefined ? {} : { filter: { metadata: filter.metadata } }),
  };
  const bodies = queries.map((query) => JSON.stringify({ query, limit, ...narrowed }));
  return { kind: 'http', url: `${stack.apiUrl}/api/v1/search`, apiKey: stack.apiKey, bodies, ...extent };
}

function sqlTask(
  { dataset }: Setting,
  statements: readonly string[][],
  extent: { clients: number; seconds: number },
): LoadTask {
  return { kind: 'sql', databaseUrl: dataset.databaseUrl, statements, ...extent };
}

function add(
  { table, figures }: BenchmarkResult,
  filter: ScopedFilter,
  { clients, api, sql }: { clients: number; api: LoadResult; sql: LoadResult },
): void {
  const prefix = filter.scope === 'all' ? '' : `${filter.name}_`;
  const title = `${filter.title}, ${clients === 1 ? '1 client' : `${clients} clients`}`;
  for (const [way, { times, perSecond }] of [
    ['api', api],
    ['sql', sql],
  ] as const) {
    const percentiles = [50, 95, 99].map((percent) => percentile(times, percent));
    table.push([
      `${title}: ${way === 'api' ? 'API' : 'bare SQL'}, p50 / p95 / p99`,
      `${percentiles.map(format).join(' / ')} ms, ${format(perSecond)} a second, ${times.length} searches`,
    ]);
    for (const [n, percent] of [50, 95, 99].entries()) {
      const name = `${prefix}${way === 'api' ? '' : 'sql_'}p${percent}_ms_${clients}_clients`;
      figures[name] = percentiles[n] ?? Number.NaN;
    }
    figures[`${prefix}${way === 'api' ? '' : 'sql_'}per_second_${clients}_clients`] = perSecond;
    figures[`${prefix}${way === 'api' ? '' : 'sql_'}searches_${clients}_clients`] = times.length;
  }
  if (clients === 8) {
    const ratio = (percent: number) => percentile(api.times, percent) / percentile(sql.times, percent);
    table.push([`${title}: times the bare SQL, p50 / p95`, `${format(ratio(50))} / ${format(ratio(95))}`]);
    figures[`${prefix}ratio_to_sql`] = ratio(50);
    figures[`${prefix}ratio_to_sql_p95`] = ratio(95);
  }
}
