import type { Sql } from '../connection/sql';
import type { VectorTable } from '../vectorIndex/vectorTable';
import type { LearnedMean } from './storedMeans';

const sampleRows = 20_000;

/** The mean of fewer vectors says too little about others. */
const minRows = 256;

/**
 * How far a mean may be from the learned one and still be used. The vectors have length 1. With this distance the
 * thresholds are off by less than a quarter of a standard deviation.
 */
const tolerance = 0.1;

/** Returns the mean of a sample of the vectors, or null when there are too few. @param rows the rows of the table. */
export async function learnMean(sql: Sql, table: VectorTable, rows: number): Promise<LearnedMean | null> {
  const percent = Math.min(100, (100 * sampleRows) / Math.max(rows, 1));
  const sample = await sql.one<LearnedMean>(
    `SELECT avg(embedding)::text AS mean, count(*)::integer AS sampled
     FROM ${table} TABLESAMPLE SYSTEM ($<percent>) WHERE embedding IS NOT NULL`,
    { percent },
  );
  return sample.sampled < minRows ? null : sample;
}

/** Returns whether a stored mean is near enough to the learned one. */
export async function isNear(sql: Sql, storedId: string, { mean }: LearnedMean): Promise<boolean> {
  const found = await sql.oneOrNone<{ near: boolean }>(
    `SELECT coalesce(mean <-> $<mean>::vector, vector_norm($<mean>::vector)) <= $<tolerance> AS near
     FROM vector_signatures WHERE id = $<storedId>`,
    { storedId, mean, tolerance },
  );
  return found?.near ?? false;
}
