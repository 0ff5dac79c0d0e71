import type { Sql } from '../connection/sql';
import type { VectorTable } from './vectorTable';

/** The progress of an index build, from pg_stat_progress_create_index. */
export interface BuildProgress {
  phase: string;
  /** From 0 to 1, or null in a phase that reports no progress. */
  share: number | null;
}

/** Returns the progress of the index build that runs on the table, by any session, or null when there is none. */
export function findBuildProgress(sql: Sql, table: VectorTable): Promise<BuildProgress | null> {
  return sql.oneOrNone<BuildProgress>(
    `SELECT phase, CASE WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total
                        WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total END AS share
     FROM pg_stat_progress_create_index
     WHERE relid = to_regclass($1) AND datname = current_database() LIMIT 1`,
    [table],
  );
}
