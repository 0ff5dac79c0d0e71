import type { Sql } from '../connection/sql';
import { modelsLock } from '../repositories/embeddingModels';
import { buildLock } from '../vectorIndex/buildSession';

/** Describes the sessions that hold a re-embedding's locks or locks on its tables, or build an index on them, the oldest first. */
export async function findHolders(sql: Sql): Promise<string[]> {
  const rows = await sql.many<{ holder: string }>(
    `SELECT concat_ws(' ', 'process', pid, '(' || nullif(application_name, '') || ')', left(query, 80)) AS holder
     FROM pg_stat_activity
     WHERE pid <> pg_backend_pid() AND pid IN (
       SELECT pid FROM pg_locks
       WHERE granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
         AND (relation IN (to_regclass('document_chunks'), to_regclass('document_chunks_next'))
              OR locktype = 'advisory' AND objsubid = 1 AND (classid::bigint << 32 | objid::bigint) = ANY($1::bigint[])))
     ORDER BY xact_start NULLS FIRST LIMIT 5`,
    [[buildLock, modelsLock]],
  );
  return rows.map(({ holder }) => holder);
}
