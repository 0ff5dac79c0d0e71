import { Database, migrate, VectorIndexBuilder } from '@millrace/database';
import type { BenchmarkResult } from '../report';
import { withScratchDatabase } from '../scratchDatabase';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, withDataset } from '../vectors/dataset';
import { defaultIndex, type WantedIndex } from '../vectors/defaultIndex';
import { insertCollections, insertDocuments } from '../vectors/documents';
import { keepIndex, removeRows } from '../vectors/keptIndex';
import { insertLive, liveRowsFor, makeLiveRows, truthWith } from '../vectors/liveRows';
import { measureSearch } from '../vectors/measureSearch';
import { makeRows } from '../vectors/rows';
import { compareWithCopy, type WayRates } from './copyRatio';

/**
 * Storing chunks with their vectors: into a table without a vector index, beside plain binary COPY; and into the data set
 * with its index, by two connections, with what the index then finds.
 * @param named the vector index; null for the one that the migrations make
 */
export async function persist(
  options: DatasetOptions,
  named: WantedIndex | null,
  quick: boolean,
): Promise<BenchmarkResult> {
  return withDataset(options, async (dataset) => {
    const rates = await withoutIndex(options, dataset, quick);
    const live = await withIndex(dataset, named ?? (await defaultIndex(options, dataset)), quick ? 5 : 60);
    return combine(describeRates(rates), live);
  });
}

/** On a database of its own, so that the table is empty. */
async function withoutIndex({ environment }: DatasetOptions, dataset: Dataset, quick: boolean): Promise<WayRates> {
  const { corpus, provider } = dataset;
  const { model, dimensions } = provider;
  const count = quick ? 2_000 : 20_000;
  const perDocument = 100;
  const chunks = await makeRows(corpus, provider, { from: 0, to: count, perDocument });
  return withScratchDatabase(environment.DATABASE_URL ?? '', async (databaseUrl) => {
    await migrate({ databaseUrl, direction: 'up', embeddingModel: model, embeddingDimensions: dimensions });
    const database = new Database({
      url: databaseUrl,
      poolMax: 1,
      connectTimeoutMs: 10_000,
      applicationName: 'bench',
    });
    try {
      await new VectorIndexBuilder(database, { databaseUrl }).drop();
      await insertCollections(database.sql);
      await insertDocuments(database.sql, { from: 0, to: count / perDocument, perDocument });
      return await compareWithCopy(database, chunks, quick ? 2 : 5);
    } finally {
      await database.close();
    }
  });
}

async function withIndex(dataset: Dataset, wanted: WantedIndex, mostSeconds: number): Promise<BenchmarkResult> {
  const { index, dead } = await keepIndex(dataset, wanted, console.error);
  const rows = await makeLiveRows(dataset, liveRowsFor(mostSeconds));
  const before = await measureSearch(dataset, { scope: 'all', filter: {} }, dataset.truth);
  try {
    const { inserted, seconds, rowsPerSecond } = await insertLive(dataset, rows, mostSeconds);
    const after = await measureSearch(dataset, { scope: 'all', filter: {} }, truthWith(dataset, inserted));
    return {
      table: [
        [`rows with ${index.kind}; deleted ones in it`, `${dataset.division.rows}; ${dead}`],
        [
          'inserted by two connections, 64 at a time',
          `${inserted.length} rows in ${format(seconds)} s, ${format(rowsPerSecond)} a second`,
        ],
        ['recall@10 before, after', `${before.recall.toFixed(4)}, ${after.recall.toFixed(4)}`],
      ],
      figures: {
        live_rows: dataset.division.rows,
        live_index_seconds: seconds,
        live_index_rows_per_second: rowsPerSecond,
        live_index_recall_at_10_before: before.recall,
        live_index_recall_at_10: after.recall,
      },
    };
  } finally {
    await removeRows(dataset);
  }
}

function describeRates(rates: WayRates): BenchmarkResult {
  const median = (name: keyof WayRates) => percentile(rates[name], 50);
  // Of each round, because what else the machine does meets both of a round more alike than two rounds.
  const ratio = (name: keyof WayRates, limit: keyof WayRates) =>
    percentile(
      rates[name].map((rate, round) => rate / (rates[limit][round] ?? Number.NaN)),
      50,
    );
  const names: [keyof WayRates, string][] = [
    ['upsert_500', 'upsert of 500 rows at a time'],
    ['copy_500', 'COPY of 500 rows at a time'],
    ['upsert_64', 'upsert of 64 rows at a time'],
    ['copy_whole', 'COPY of all rows at once'],
  ];
  const ratios = {
    ratio_to_copy: ratio('upsert_500', 'copy_500'),
    ratio_to_copy_whole: ratio('upsert_500', 'copy_whole'),
    ratio_64_to_copy_whole: ratio('upsert_64', 'copy_whole'),
  };
  return {
    table: [
      ...names.map(([name, title]): [string, string] => [
        `no vector index: ${title}`,
        `${format(median(name))} rows a second (${rates[name].map(format).join(', ')})`,
      ]),
      ['upsert times COPY, both 500 rows at a time', format(ratios.ratio_to_copy)],
      [
        'upsert of 500, of 64 times COPY of all rows at once',
        `${format(ratios.ratio_to_copy_whole)}, ${format(ratios.ratio_64_to_copy_whole)}`,
      ],
    ],
    figures: {
      ...Object.fromEntries(names.map(([name]) => [`${name}_rows_per_second`, median(name)])),
      ...ratios,
    },
  };
}

function combine(...results: BenchmarkResult[]): BenchmarkResult {
  return {
    table: results.flatMap((result) => result.table),
    figures: Object.assign({}, ...results.map((result) => result.figures)),
  };
}
