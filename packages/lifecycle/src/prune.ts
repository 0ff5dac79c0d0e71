import type { Database, ListPlace, Session } from '@millrace/database';
import { endedJob } from './sql';

/*
 * Removing history. An ended job whose retention is over loses its successful chunks, their attempts and its part in retry
 * groups. Its failed and cancelled chunks stay: they say what the document lacks. So does the row of the job, which a
 * repeated upload is answered with, and which the document's status follows from.
 *
 * A job of the kind re-embed is removed completely: nothing follows from it. So is a reread job that left nothing missing,
 * unless it is what makes the document of a cancelled job searchable.
 *
 * Work that may go on is not history. A job keeps everything while a chunk has its text for a retry, or while an ingest job
 * without chunks can be restarted.
 */

export interface PruneOptions {
  /** How long ago the job ended, or the retry or action was requested. */
  olderThanMs: number;
  /** Continues after this job; null begins with the one that ended first. */
  after: ListPlace | null;
  /** The most jobs, retry groups and actions, and the most chunks. */
  jobs: number;
  chunks: number;
}

export interface Pruned {
  /** Jobs, retry groups and actions. */
  removed: number;
  chunks: number;
  /** Where the next call continues; null at the end. */
  next: ListPlace | null;
}

/** SQL: the time since this moment is longer than `olderThanMs`. */
const isOld = (time: string) => `${time} < now() - $<olderThanMs> * interval '1 millisecond'`;

/** SQL: job `j` cannot go on any more. */
const isHistory = `j.status IN ${endedJob} AND (j.total_chunks IS NOT NULL OR j.kind <> 'ingest')
  AND NOT EXISTS (SELECT FROM job_chunks c WHERE c.job_id = j.id AND c.status IN ('failed', 'cancelled')
                  AND c.payload IS NOT NULL)
  AND NOT EXISTS (SELECT FROM re_embeddings r WHERE r.id = j.re_embedding_id AND r.status = 'running')`;

/** SQL: nothing follows from job `j`. */
const isDispensable = `(j.kind = 're-embed' OR (j.kind = 'reread'
  AND (j.total_chunks IS NULL OR j.processed_chunks = j.total_chunks)
  AND NOT EXISTS (SELECT FROM jobs i WHERE i.document_id = j.document_id AND i.kind = 'ingest' AND i.status = 'cancelled')))`;

/** Removes the history of some jobs that ended long ago, and retry groups and actions as old that nothing refers to. */
export async function pruneHistory(database: Database, options: PruneOptions): Promise<Pruned> {
  const old = await database.sql.many<ListPlace>(
    `SELECT id, (extract(epoch FROM finished_at) * 1000000)::bigint::text AS at FROM jobs
     WHERE finished_at IS NOT NULL AND pruned_at IS NULL AND ${isOld('finished_at')}
       AND ($<at> IS NULL OR (finished_at, id) > (to_timestamp($<at>::float8 / 1000000), $<id>::uuid))
     ORDER BY finished_at, id LIMIT $<jobs>`,
    { ...options, at: options.after?.at ?? null, id: options.after?.id ?? null },
  );
  const { jobs, chunks } = await pruneJobs(database, options, old);
  // Chunks of these jobs are left.
  if (chunks === options.chunks) {
    return { removed: jobs, chunks, next: options.after };
  }
  const last = old.length === options.jobs ? (old.at(-1) ?? null) : null;
  const others = last === null ? (await pruneGroups(database, options)) + (await pruneActions(database, options)) : 0;
  return { removed: jobs + others, chunks, next: last };
}

function pruneJobs(
  database: Database,
  options: PruneOptions,
  jobs: readonly ListPlace[],
): Promise<{ jobs: number; chunks: number }> {
  return database.transaction(async (session) => {
    // With the jobs locked their settled chunks cannot change. A job that another transaction holds is left for later.
    const locked = await session.sql.many<{ id: string }>(
      `SELECT j.id FROM jobs j WHERE j.id = ANY($<ids>::uuid[]) AND j.pruned_at IS NULL AND ${isOld('j.finished_at')}
         AND ${isHistory}
       ORDER BY j.id FOR UPDATE SKIP LOCKED`,
      { ...options, ids: jobs.map(({ id }) => id) },
    );
    const ids = locked.map(({ id }) => id);
    if (ids.length === 0) {
      return { jobs: 0, chunks: 0 };
    }
    const chunks = await session.sql.affected(
      // By their places in the table: for ids the planner may read the whole of it.
      `DELETE FROM job_chunks WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM job_chunks WHERE job_id = ANY($<ids>::uuid[]) AND status = 'success'
         LIMIT $<chunks> FOR UPDATE))`,
      { ids, chunks: options.chunks },
    );
    if (chunks === options.chunks) {
      return { jobs: 0, chunks };
    }
    await forgetAttempts(session, ids);
    await session.sql.none(`DELETE FROM jobs j WHERE j.id = ANY($1::uuid[]) AND ${isDispensable}`, [ids]);
    await session.sql.none('UPDATE jobs SET pruned_at = now(), retry_group_id = NULL WHERE id = ANY($1::uuid[])', [
      ids,
    ]);
    return { jobs: ids.length, chunks };
  });
}

/** Removes the attempts of the chunks that are left, and their part in retry groups. */
async function forgetAttempts({ sql }: Session, jobIds: readonly string[]): Promise<void> {
  await sql.none(
    'DELETE FROM chunk_attempts a USING job_chunks c WHERE c.job_id = ANY($1::uuid[]) AND a.job_chunk_id = c.id',
    [jobIds],
  );
  await sql.none(
    `UPDATE job_chunks SET retry_group_id = NULL WHERE job_id = ANY($1::uuid[]) AND retry_group_id IS NOT NULL`,
    [jobIds],
  );
}

/** @returns how many. */
function pruneGroups(database: Database, options: PruneOptions): Promise<number> {
  return database.sql.affected(
    `DELETE FROM retry_groups WHERE id IN (
       SELECT g.id FROM retry_groups g WHERE ${isOld('g.requested_at')}
         AND NOT EXISTS (SELECT FROM jobs j WHERE j.retry_group_id = g.id)
         AND NOT EXISTS (SELECT FROM job_chunks c WHERE c.retry_group_id = g.id)
         AND NOT EXISTS (SELECT FROM chunk_attempts a WHERE a.retry_group_id = g.id)
       ORDER BY g.requested_at LIMIT $<jobs> FOR UPDATE SKIP LOCKED)`,
    options,
  );
}

/** @returns how many. */
function pruneActions(database: Database, options: PruneOptions): Promise<number> {
  return database.sql.affected(
    `DELETE FROM actions WHERE id IN (
       SELECT a.id FROM actions a WHERE ${isOld('a.requested_at')}
         AND NOT EXISTS (SELECT FROM retry_groups g WHERE g.id = a.id)
       ORDER BY a.requested_at, a.id LIMIT $<jobs> FOR UPDATE SKIP LOCKED)`,
    options,
  );
}
