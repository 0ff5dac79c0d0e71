import type { Options } from '../options';
import type { BenchmarkResult } from '../report';
import { medianOf } from '../statistics';
import { removeDataset, withDataset } from './dataset';

/** Makes the data set and describes it, or removes it. */
export async function vectors(options: Options): Promise<BenchmarkResult | null> {
  if (options.action === 'remove') {
    await removeDataset(options);
    console.log(`The data set of ${options.rows} rows is removed.`);
    return null;
  }
  const startedAt = performance.now();
  return withDataset(options, async ({ database, truth, queries, provider }) => {
    const seconds = (performance.now() - startedAt) / 1000;
    const size = await database.sql.one<{ rows: number; bytes: number; whole: number; characters: number }>(
      `SELECT count(*)::float8 AS rows, pg_table_size('document_chunks')::float8 AS bytes,
              pg_total_relation_size('document_chunks')::float8 AS whole, avg(length(content))::float8 AS characters
       FROM document_chunks`,
    );
    const similarity = (place: number) => medianOf(truth.all, (near) => near[place] ?? Number.NaN);
    return {
      figures: {
        rows: size.rows,
        characters_per_row: size.characters,
        table_bytes: size.bytes,
        table_bytes_with_indexes: size.whole,
        queries: queries.length,
        seconds,
        nearest_similarity_p50: similarity(0),
        tenth_similarity_p50: similarity(9),
      },
      conditions: { model: provider.model },
    };
  });
}
