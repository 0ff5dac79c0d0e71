import { type VectorIndexKind, vectorIndexKinds } from '@millrace/database';
import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, withDataset } from '../vectors/dataset';
import { collectionFilters } from '../vectors/filters';
import { buildIndex, dropIndexes } from '../vectors/keptIndex';
import { insertLive, liveRowsFor, makeLiveRows, removeLiveRows } from '../vectors/liveRows';
import { measureSearch } from '../vectors/measureSearch';
import { type Figures, KeptFigures } from './keptFigures';

/** The kinds of index, and none: every search compares all rows. */
export const measuredKinds = [...vectorIndexKinds, 'none'] as const;
export type MeasuredKind = VectorIndexKind | 'none';

/** How many queries are asked without an index: each takes as long as reading all vectors does. */
const queriesWithoutIndex = 20;

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
  kinds: readonly MeasuredKind[],
  quick: boolean,
): Promise<BenchmarkResult> {
  const name = `indexes-${options.rows}`;
  return withDataset(options, async (dataset) => {
    const conditions = { model: dataset.provider.model, texts: dataset.corpus.digest, quick };
    const kept = new KeptFigures(name, conditions, measuredKinds, kinds);
    const seconds = quick ? 2 : 20;
    const insertion = { rows: await makeLiveRows(dataset, liveRowsFor(seconds)), seconds };
    for (const kind of kept.missing) {
      console.error(`${kind} ...`);
      kept.keep(kind, await measureKind(dataset, kind, insertion));
    }
    await removeLiveRows(dataset);
    const table = kinds.flatMap((kind) => describe(kind, kept.of(kind)));
    return { name, table, figures: kept.together(), conditions };
  });
}

/** Leaves the set without a vector index, and with the rows that were inserted. */
export async function measureKind(dataset: Dataset, kind: MeasuredKind, insertion: Insertion): Promise<Figures> {
  await dropIndexes(dataset);
  await removeLiveRows(dataset);
  await execute(dataset.databaseUrl, 'VACUUM (ANALYZE) document_chunks');
  const figures = await build(dataset, kind);
  const queryVectors = kind === 'none' ? dataset.queryVectors.slice(0, queriesWithoutIndex) : dataset.queryVectors;
  const asked = { ...dataset, queryVectors };
  // Once for the cache.
  await measureSearch(asked, { scope: 'all', filter: {} }, dataset.truth);
  for (const filter of collectionFilters) {
    const { times, recall } = await measureSearch(asked, filter, dataset.truth);
    figures[`${filter.name}_p50_ms`] = percentile(times, 50);
    figures[`${filter.name}_p95_ms`] = percentile(times, 95);
    figures[`${filter.name}_recall_at_10`] = recall;
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

async function build(dataset: Dataset, kind: MeasuredKind): Promise<Figures> {
  if (kind === 'none') {
    return { bytes: 0 };
  }
  const { index, seconds } = await buildIndex(dataset, { kind, parameters: {} });
  return { build_seconds: seconds, bytes: index.bytes };
}

function describe(kind: MeasuredKind, figures: Figures): [string, string][] {
  const of = (name: string) => figures[name] ?? Number.NaN;
  const size = `${format(of('bytes') / 2 ** 20)} MiB`;
  return [
    kind === 'none'
      ? [`${kind}: size`, size]
      : [`${kind}: built in, size`, `${format(of('build_seconds'))} s, ${size}`],
    ...collectionFilters.map(({ name, title }): [string, string] => [
      `${kind}: ${title}: p50 / p95, recall@10 of ${of('queries')} queries`,
      `${format(of(`${name}_p50_ms`))} / ${format(of(`${name}_p95_ms`))} ms, ${of(`${name}_recall_at_10`).toFixed(4)}`,
    ]),
    [
      `${kind}: rows inserted`,
      `${of('inserted_rows')} in ${format(of('inserted_seconds'))} s, ${format(of('inserted_rows_per_second'))} a second`,
    ],
  ];
}
