import type { Sql } from '../connection/sql';
import type { VectorTable } from './vectorTable';

/** How far a build has come, as PostgreSQL counts. */
export interface BuildProgress {
  phase: string;
  /** From 0 to 1; null where the phase does not tell. */
  share: number | null;
}

/** How far the build of an index on the table has come, by whomever; null when there is none. */
export function findBuildProgress(sql: Sql, table: VectorTable): Promise<BuildProgress | null> {
  return sql.oneOrNone<BuildProgress>(
    `SELECT phase, CASE WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total
                        WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total END AS share
     FROM pg_stat_progress_create_index
     WHERE relid = to_regclass($1) AND datname = current_database() LIMIT 1`,
    [table],
  );
}
