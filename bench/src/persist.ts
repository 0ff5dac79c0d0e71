import { type Database, type NewDocumentChunk, VectorIndexBuilder } from '@millrace/database';
import { migrateFor, withDatabase, withScratchDatabase } from './databases';
import type { Options } from './options';
import type { BenchmarkResult, Figures } from './report';
import { medianOf, percentile } from './statistics';
import { type Dataset, withDataset } from './vectors/dataset';
import { noFilter } from './vectors/filters';
import { insertLive, liveRowsFor, makeLiveRows, truthWithLive } from './vectors/liveRows';
import { measureSearch } from './vectors/measureSearch';
import { makeRows } from './vectors/rows';
import { copyChunks, insertCollections, insertDocuments } from './vectors/store';
import { keepIndex, oneIndex, type WantedIndex } from './vectors/vectorIndex';

const perDocument = 100;

/**
 * Measures how fast chunks with vectors are stored: into a table without a vector index, beside plain binary COPY, and into
 * the data set with an index, by two connections, with the recall before and after.
 */
export async function persist(options: Options): Promise<BenchmarkResult> {
  const { environment, quick } = options;
  const wanted = oneIndex(options.kinds);
  return withDataset(options, async (dataset) => ({
    figures: {
      ...(await withoutIndex(environment.DATABASE_URL ?? '', dataset, quick)),
      ...(await withIndex(dataset, wanted, quick ? 5 : 60)),
    },
    conditions: { kind: wanted.kind },
  }));
}

type Way = 'upsert_64' | 'upsert_500' | 'copy_500' | 'copy_whole';

const upsert = (database: Database, chunks: readonly NewDocumentChunk[]) =>
  database.transaction((session) => session.documentChunks.upsertAll(chunks));
const copy = (database: Database, chunks: readonly NewDocumentChunk[]) =>
  database.transaction((session) => copyChunks(session.sql, chunks));

const ways: Record<Way, { batch: number; store: typeof copy }> = {
  upsert_64: { batch: 64, store: upsert },
  upsert_500: { batch: 500, store: upsert },
  copy_500: { batch: 500, store: copy },
  copy_whole: { batch: Number.POSITIVE_INFINITY, store: copy },
};

/** Stores the same rows in each way in turn, over one connection, in an empty table with all indexes but the vector one. */
async function withoutIndex(serverUrl: string, { corpus, provider }: Dataset, quick: boolean): Promise<Figures> {
  const count = quick ? 2_000 : 20_000;
  const rounds = quick ? 2 : 5;
  const chunks = await makeRows(corpus, provider, { from: 0, to: count, perDocument });
  const rates: Record<Way, number>[] = [];
  await withScratchDatabase(serverUrl, async (databaseUrl) => {
    await migrateFor(provider, databaseUrl);
    await withDatabase(databaseUrl, 1, async (database) => {
      await new VectorIndexBuilder(database, { databaseUrl }).drop();
      await insertCollections(database.sql);
      await insertDocuments(database.sql, { from: 0, to: count / perDocument, perDocument });
      // The first round only warms up.
      for (let round = 0; round <= rounds; round += 1) {
        const rate = await storeInEachWay(database, chunks);
        rates.push(...(round > 0 ? [rate] : []));
      }
    });
  });
  // Other work on the machine changes both sides of one round alike, so ratios are taken within a round.
  const ratio = (way: Way, to: Way) => medianOf(rates, (round) => round[way] / round[to]);
  return {
    ...Object.fromEntries(
      (Object.keys(ways) as Way[]).map((way) => [`${way}_rows_per_second`, medianOf(rates, (round) => round[way])]),
    ),
    ratio_to_copy: ratio('upsert_500', 'copy_500'),
    ratio_to_copy_whole: ratio('upsert_500', 'copy_whole'),
    ratio_64_to_copy_whole: ratio('upsert_64', 'copy_whole'),
  };
}

/** @returns rows a second. */
async function storeInEachWay(database: Database, chunks: readonly NewDocumentChunk[]): Promise<Record<Way, number>> {
  const rates: Partial<Record<Way, number>> = {};
  for (const [way, { batch, store }] of Object.entries(ways)) {
    await database.sql.none('TRUNCATE document_chunks');
    const size = Math.min(batch, chunks.length);
    const startedAt = performance.now();
    for (let at = 0; at < chunks.length; at += size) {
      await store(database, chunks.slice(at, at + size));
    }
    rates[way as Way] = chunks.length / ((performance.now() - startedAt) / 1000);
  }
  return rates as Record<Way, number>;
}

/** Inserts further rows into the data set with its index. The next benchmark removes them and builds the index anew. */
async function withIndex(dataset: Dataset, wanted: WantedIndex, maxSeconds: number): Promise<Figures> {
  await keepIndex(dataset, wanted);
  const rows = await makeLiveRows(dataset, liveRowsFor(maxSeconds));
  const search = { ...noFilter, effort: wanted.effort ?? 1 };
  const before = await measureSearch(dataset, search, dataset.truth);
  const { inserted, seconds, rowsPerSecond } = await insertLive(dataset, rows, maxSeconds);
  const after = await measureSearch(dataset, search, await truthWithLive(dataset));
  return {
    live_rows: dataset.rows,
    live_index_inserted_rows: inserted.length,
    live_index_seconds: seconds,
    live_index_rows_per_second: rowsPerSecond,
    live_index_recall_at_10_before: before.recall,
    live_index_p50_ms_before: percentile(before.times, 50),
    live_index_recall_at_10: after.recall,
    live_index_p50_ms: percentile(after.times, 50),
  };
}
