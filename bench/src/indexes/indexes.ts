import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, withDataset } from '../vectors/dataset';
import { collectionFilters } from '../vectors/filters';
import { buildIndex, dropIndexes } from '../vectors/keptIndex';
import { insertLive, liveRowsFor, makeLiveRows, removeLiveRows } from '../vectors/liveRows';
import { measureSearch } from '../vectors/measureSearch';
import { type Variant, variantNames, variants } from '../vectors/variants';
import { type Figures, KeptFigures } from './keptFigures';

/** How many queries are asked without an index: each takes as long as reading all vectors does. */
const queriesWithoutIndex = 20;

/** How many of them a quick run asks. */
const quickQueries = 50;

/** Shares of the usual effort of a search, beside the whole: what may be gained by less or more of it. */
const efforts = [0.5, 2, 4] as const;

const ofEffort = (effort: number) => `all_with_effort_${String(effort).replace('.', '_')}`;

/** What is inserted while an index is there. */
interface Insertion {
  rows: Awaited<ReturnType<typeof makeLiveRows>>;
  seconds: number;
}

/**
 * Each kind of vector index over the same rows, and none: how long it takes to build and how large it is, how fast and how
 * well it finds, and how fast rows go in while it is there. What is measured is written down at once: a run that was broken
 * off goes on with the next kind.
 */
export async function indexes(
  options: DatasetOptions,
  kinds: readonly Variant[],
  quick: boolean,
): Promise<BenchmarkResult> {
  return withDataset(options, async (whole) => {
    const queryVectors = quick ? whole.queryVectors.slice(0, quickQueries) : whole.queryVectors;
    const dataset = { ...whole, queryVectors };
    const conditions = { model: dataset.provider.model, texts: dataset.corpus.digest, quick };
    const kept = new KeptFigures(`indexes-${options.rows}`, conditions, variantNames, kinds);
    const seconds = quick ? 2 : 20;
    const insertion = { rows: await makeLiveRows(dataset, liveRowsFor(seconds)), seconds };
    for (const kind of kept.missing) {
      console.error(`${kind} ...`);
      kept.keep(kind, await measureKind(dataset, kind, insertion));
    }
    await removeLiveRows(dataset);
    const table = kinds.flatMap((kind) => describe(kind, kept.of(kind)));
    return { table, figures: kept.together(), conditions: { ...conditions, rows: options.rows } };
  });
}

/** Leaves the set without a vector index, and with the rows that were inserted. */
export async function measureKind(dataset: Dataset, kind: Variant, insertion: Insertion): Promise<Figures> {
  await dropIndexes(dataset);
  await removeLiveRows(dataset);
  await execute(dataset.databaseUrl, 'VACUUM (ANALYZE) document_chunks');
  const figures = await build(dataset, kind);
  const queryVectors = kind === 'none' ? dataset.queryVectors.slice(0, queriesWithoutIndex) : dataset.queryVectors;
  const asked = { ...dataset, queryVectors };
  // Once for the cache.
  await measureSearch(asked, { scope: 'all', filter: {} }, dataset.truth);
  const measure = async (name: string, wanted: Parameters<typeof measureSearch>[1]) => {
    const { times, recall } = await measureSearch(asked, wanted, dataset.truth);
    figures[`${name}_p50_ms`] = percentile(times, 50);
    figures[`${name}_p95_ms`] = percentile(times, 95);
    figures[`${name}_recall_at_10`] = recall;
  };
  for (const filter of collectionFilters) {
    await measure(filter.name, filter);
  }
  // Without an index every vector is compared, whatever the effort.
  for (const effort of kind === 'none' ? [] : efforts) {
    await measure(ofEffort(effort), { scope: 'all', filter: {}, effort });
  }
  const { inserted, seconds, rowsPerSecond } = await insertLive(dataset, insertion.rows, insertion.seconds);
  await dropIndexes(dataset);
  return {
    ...figures,
    queries: queryVectors.length,
    inserted_rows: inserted.length,
    inserted_seconds: seconds,
    inserted_rows_per_second: rowsPerSecond,
  };
}

async function build(dataset: Dataset, kind: Variant): Promise<Figures> {
  const wanted = variants[kind];
  if (wanted === null) {
    return { bytes: 0 };
  }
  const { index, seconds } = await buildIndex(dataset, wanted);
  return { build_seconds: seconds, bytes: index.bytes };
}

function describe(kind: Variant, figures: Figures): [string, string][] {
  const of = (name: string) => figures[name] ?? Number.NaN;
  const searches = [
    ...collectionFilters,
    ...(kind === 'none' ? [] : efforts.map((effort) => ({ name: ofEffort(effort), title: `effort ${effort}` }))),
  ];
  const size = `${format(of('bytes') / 2 ** 20)} MiB`;
  return [
    kind === 'none'
      ? [`${kind}: size`, size]
      : [`${kind}: built in, size`, `${format(of('build_seconds'))} s, ${size}`],
    ...searches.map(({ name, title }): [string, string] => [
      `${kind}: ${title}: p50 / p95, recall@10 of ${of('queries')} queries`,
      `${format(of(`${name}_p50_ms`))} / ${format(of(`${name}_p95_ms`))} ms, ${of(`${name}_recall_at_10`).toFixed(4)}`,
    ]),
    [
      `${kind}: rows inserted`,
      `${of('inserted_rows')} in ${format(of('inserted_seconds'))} s, ${format(of('inserted_rows_per_second'))} a second`,
    ],
  ];
}
