import type { NewDocumentChunk } from '@millrace/database';
import { execute } from './databases';
import type { Options } from './options';
import { type BenchmarkResult, type Figures, readFigures, writeFigures } from './report';
import { percentiles } from './statistics';
import { type Dataset, withDataset } from './vectors/dataset';
import { collectionFilters, noFilter, type ScopedFilter } from './vectors/filters';
import { insertLive, liveRowsFor, makeLiveRows, removeLiveRows } from './vectors/liveRows';
import { measureSearch } from './vectors/measureSearch';
import { buildIndex, dropIndexes, isVariant, type Variant, variantNames, variantOf } from './vectors/vectorIndex';

/** Without an index each query reads all vectors, so only these are asked. */
const queriesWithoutIndex = 20;
const quickQueries = 50;

/** The efforts beside the usual one. */
const efforts = [0.5, 2, 4];

/**
 * Measures each kind of vector index over the same rows: build time, size, latency, recall, and how fast rows are inserted
 * while it exists. The figures of each kind are written to bench/results/indexes-N.json at once. Figures of other kinds there
 * are kept, if they are of the same commit and conditions.
 */
export async function indexes(options: Options): Promise<BenchmarkResult> {
  const { quick, rows } = options;
  const kinds = (options.kinds ?? variantNames).filter(isVariant);
  return withDataset(options, async (whole) => {
    const dataset = quick ? { ...whole, queryVectors: whole.queryVectors.slice(0, quickQueries) } : whole;
    const conditions = { model: dataset.provider.model, texts: dataset.corpus.digest, quick };
    const seconds = quick ? 2 : 20;
    const live = await makeLiveRows(dataset, liveRowsFor(seconds));
    const name = `indexes-${rows}`;
    const figures = readFigures(name, conditions);
    for (const kind of kinds) {
      console.error(`${kind} ...`);
      Object.assign(figures, await measureKind(dataset, kind, live, seconds));
      writeFigures(name, figures, conditions);
    }
    await removeLiveRows(dataset);
    return { figures, conditions: { ...conditions, rows } };
  });
}

/** Measures one kind. It leaves the set without a vector index and with the inserted rows. */
export async function measureKind(
  dataset: Dataset,
  kind: Variant,
  live: readonly NewDocumentChunk[],
  seconds: number,
): Promise<Figures> {
  await dropIndexes(dataset);
  await removeLiveRows(dataset);
  await execute(dataset.databaseUrl, 'VACUUM (ANALYZE) document_chunks');
  const wanted = variantOf(kind);
  const figures: Figures = { bytes: 0 };
  if (wanted !== null) {
    const built = await buildIndex(dataset, wanted);
    Object.assign(figures, { build_seconds: built.seconds, bytes: built.index.bytes });
  }
  const queryVectors = wanted === null ? dataset.queryVectors.slice(0, queriesWithoutIndex) : dataset.queryVectors;
  const asked = { ...dataset, queryVectors };
  const usual = wanted?.effort ?? 1;
  const measure = async (name: string, filter: ScopedFilter, effort: number) => {
    const { times, recall } = await measureSearch(asked, { ...filter, effort: usual * effort }, dataset.truth);
    Object.assign(figures, percentiles(name, times, [50, 95]), { [`${name}_recall_at_10`]: recall });
  };
  // The first pass only warms the cache.
  await measure('all', noFilter, 1);
  for (const filter of collectionFilters) {
    await measure(filter.name, filter, 1);
  }
  for (const effort of wanted === null ? [] : efforts) {
    await measure(`all_with_effort_${String(effort).replace('.', '_')}`, noFilter, effort);
  }
  const { inserted, ...insertion } = await insertLive(dataset, live, seconds);
  await dropIndexes(dataset);
  Object.assign(figures, {
    queries: queryVectors.length,
    inserted_rows: inserted.length,
    inserted_seconds: insertion.seconds,
    inserted_rows_per_second: insertion.rowsPerSecond,
  });
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${kind}_${name}`, value]));
}
