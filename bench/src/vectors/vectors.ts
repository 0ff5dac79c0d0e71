import type { BenchmarkResult } from '../report';
import { format, percentile } from '../statistics';
import { type Dataset, type DatasetOptions, removeDataset, withDataset } from './dataset';

/** Makes the data set of so many rows and says what it is like, or removes it. */
export async function vectors(options: DatasetOptions, action: string): Promise<BenchmarkResult | null> {
  if (action === 'remove') {
    await removeDataset(options);
    console.log(`The data set of ${options.rows} rows is gone.`);
    return null;
  }
  const startedAt = performance.now();
  return withDataset(options, async (dataset) => describe(dataset, (performance.now() - startedAt) / 1000));
}

async function describe({ database, truth, queries, provider }: Dataset, seconds: number): Promise<BenchmarkResult> {
  const size = await database.sql.one<{ rows: number; table: number; whole: number; characters: number }>(
    `SELECT count(*)::float8 AS rows, pg_table_size('document_chunks')::float8 AS table,
            pg_total_relation_size('document_chunks')::float8 AS whole, avg(length(content))::float8 AS characters
     FROM document_chunks`,
  );
  const nearest = truth.all.map((near) => near[0]?.similarity ?? Number.NaN);
  const tenth = truth.all.map((near) => near[9]?.similarity ?? Number.NaN);
  const gib = (bytes: number) => `${format(bytes / 2 ** 30)} GiB`;
  return {
    table: [
      ['rows, of characters', `${size.rows}, ${format(size.characters)}`],
      ['model', provider.model],
      ['table, with its indexes', `${gib(size.table)}, ${gib(size.whole)}`],
      ['queries with a known truth', String(queries.length)],
      ['similarity of the nearest row, median', format(percentile(nearest, 50))],
      ['similarity of the tenth, median', format(percentile(tenth, 50))],
      ['made in', `${format(seconds)} s`],
    ],
    figures: {
      rows: size.rows,
      table_bytes: size.table,
      seconds,
      nearest_similarity_p50: percentile(nearest, 50),
      tenth_similarity_p50: percentile(tenth, 50),
    },
  };
}
