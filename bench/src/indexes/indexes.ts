import type { VectorIndexKind } from '@millrace/database';
import { type BenchmarkResult, readFigures, writeFigures } from '../report';
import { execute } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, withDataset } from '../vectors/dataset';
import { collectionFilters } from '../vectors/filters';
import { buildIndex, dropIndexes } from '../vectors/keptIndex';
import { insertLive, makeLiveRows, removeLiveRows } from '../vectors/liveRows';
import { measureSearch } from '../vectors/measureSearch';

/** More rows a second than any graph takes, so that the time ends an insertion and not the rows. */
const mostRowsPerSecond = 1_500;

type Figures = Record<string, number>;

/**
 * Each kind of vector index over the same rows: how long it takes to build and how large it is, how fast and how well it
 * finds, and how fast rows go in while it is there. What is measured is written down at once: a run that was broken off
 * goes on with the next kind.
 */
export async function indexes(
  options: DatasetOptions,
  kinds: readonly VectorIndexKind[],
  quick: boolean,
): Promise<BenchmarkResult> {
  const name = `indexes-${options.rows}`;
  return withDataset(options, async (dataset) => {
    const figures: Figures = readFigures(name) ?? {};
    const isMissing = (kind: VectorIndexKind) => figures[`${kind}_build_seconds`] === undefined;
    if (!kinds.some(isMissing)) {
      for (const kind of kinds) {
        delete figures[`${kind}_build_seconds`];
      }
      writeFigures(name, figures);
    }
    const wanted = kinds.filter(isMissing);
    const insertSeconds = quick ? 2 : 20;
    const live = await makeLiveRows(dataset, insertSeconds * mostRowsPerSecond);
    for (const kind of wanted) {
      console.error(`${kind} ...`);
      const measured = await measure(dataset, kind, { live, insertSeconds });
      Object.assign(
        figures,
        Object.fromEntries(Object.entries(measured).map(([of, value]) => [`${kind}_${of}`, value])),
      );
      writeFigures(name, figures);
    }
    await removeLiveRows(dataset);
    return { name, table: kinds.flatMap((kind) => describe(kind, figures)), figures };
  });
}

async function measure(
  dataset: Dataset,
  kind: VectorIndexKind,
  { live, insertSeconds }: { live: Awaited<ReturnType<typeof makeLiveRows>>; insertSeconds: number },
): Promise<Figures> {
  await dropIndexes(dataset);
  await removeLiveRows(dataset);
  await execute(dataset.databaseUrl, 'VACUUM (ANALYZE) document_chunks');
  const { index, seconds } = await buildIndex(dataset, { kind, parameters: {} });
  const figures: Figures = { build_seconds: seconds, bytes: index.bytes };
  // Once for the cache.
  await measureSearch(dataset, { scope: 'all', filter: {} }, dataset.truth);
  for (const filter of collectionFilters) {
    const { times, recall } = await measureSearch(dataset, filter, dataset.truth);
    figures[`${filter.name}_p50_ms`] = percentile(times, 50);
    figures[`${filter.name}_p95_ms`] = percentile(times, 95);
    figures[`${filter.name}_recall_at_10`] = recall;
  }
  const { inserted, rowsPerSecond } = await insertLive(dataset, live, insertSeconds);
  await dropIndexes(dataset);
  return { ...figures, inserted_rows: inserted.length, inserted_rows_per_second: rowsPerSecond };
}

function describe(kind: VectorIndexKind, figures: Figures): [string, string][] {
  const of = (name: string) => figures[`${kind}_${name}`] ?? Number.NaN;
  return [
    [`${kind}: built in, size`, `${format(of('build_seconds'))} s, ${format(of('bytes') / 2 ** 20)} MiB`],
    ...collectionFilters.map(({ name, title }): [string, string] => [
      `${kind}: ${title}: p50 / p95, recall@10`,
      `${format(of(`${name}_p50_ms`))} / ${format(of(`${name}_p95_ms`))} ms, ${of(`${name}_recall_at_10`).toFixed(4)}`,
    ]),
    [`${kind}: rows inserted a second`, format(of('inserted_rows_per_second'))],
  ];
}
