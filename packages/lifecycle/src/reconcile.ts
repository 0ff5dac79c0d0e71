import type { Database } from '@millrace/database';
import { type Counters, counters, endRound, type RetryPolicy, type RoundResult } from './rounds';

/*
 * What should never be needed, since counters and statuses change in the same transaction as the chunks: bringing a job
 * back to what its chunks say. The reconciler looks for it and counts how often it had to.
 */

/** SQL: what the chunks of job `j` say. */
const tally = `LATERAL (
  SELECT (count(*) FILTER (WHERE c.status = 'success'))::integer AS success,
         (count(*) FILTER (WHERE c.status = 'failed'))::integer AS failed,
         (count(*) FILTER (WHERE c.status IN ('pending', 'processing', 'retry_scheduled')))::integer AS open
  FROM job_chunks c WHERE c.job_id = j.id) AS n`;

/** SQL: the job and its chunks disagree: in their counts, or in whether there is anything left to do. */
const drifted = `(j.processed_chunks <> n.success OR j.failed_chunks <> n.failed
  OR (j.status IN ('processing', 'retrying')) <> (n.open > 0))`;

/** SQL: not while failed pages are read again, when somebody else may hold the job; it ends soon enough. */
const inScope = `j.total_chunks IS NOT NULL AND j.status NOT IN ('cancelled', 'queued', 'chunking')`;

/** Chunks counted at a time; a job with more is looked at by itself. */
const chunksAtATime = 200_000;

/**
 * Looks at up to `limit` jobs after this id, fewer where they are large, that are under way or ended within
 * `endedWithinMs`. One statement sees all tables at one moment, so no lock is needed to compare them.
 * @returns the last id looked at, or null at the end, and those that have drifted.
 */
export async function findDriftedJobs(
  database: Database,
  options: { after: string; limit: number; endedWithinMs: number },
): Promise<{ last: string | null; drifted: string[] }> {
  const rows = await database.sql.many<{ id: string; drifted: boolean }>(
    `SELECT j.id, ${drifted} AS drifted FROM (
       SELECT *, sum(total_chunks) OVER (ORDER BY id) - total_chunks AS chunks_before FROM (
         SELECT * FROM jobs j
         WHERE ${inScope} AND j.id > $<after> AND (j.status IN ('processing', 'retrying')
           OR j.finished_at > now() - $<endedWithinMs> * interval '1 millisecond')
         ORDER BY j.id LIMIT $<limit>) AS scoped) AS j, ${tally}
     WHERE j.chunks_before < $<chunksAtATime> ORDER BY j.id`,
    { ...options, chunksAtATime },
  );
  return { last: rows.at(-1)?.id ?? null, drifted: rows.filter((row) => row.drifted).map((row) => row.id) };
}

/**
 * Sets a job's counters to what its chunks say and has it go on: a round with nothing left in it is ended, again where
 * that had been done on wrong counts.
 */
export function reconcileCounters(
  database: Database,
  jobId: string,
  policy: RetryPolicy,
): Promise<{ reconciled: boolean; round: RoundResult | null }> {
  return database.transaction(async (session) => {
    // With the job locked no settlement can commit: each of them ends with its counters.
    await session.sql.many('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
    const job = await session.sql.oneOrNone<Counters & { open: number; kind: string }>(
      `UPDATE jobs SET processed_chunks = counted.success, failed_chunks = counted.failed, finished_at = NULL,
         status = CASE WHEN status = 'retrying' THEN 'retrying' ELSE 'processing' END, error_code = NULL, error = NULL,
         updated_at = now()
       FROM (SELECT n.* FROM jobs j, ${tally} WHERE j.id = $1 AND ${inScope} AND ${drifted}) AS counted
       WHERE id = $1
       RETURNING ${counters}, kind, counted.open`,
      [jobId],
    );
    if (!job) {
      return { reconciled: false, round: null };
    }
    await session.sql.none(
      `UPDATE documents SET status = 'processing', error_code = NULL, error = NULL, updated_at = now()
       WHERE id = $1 AND status IN ('processing', 'ready', 'partial', 'failed') AND $2 = 'ingest'`,
      [job.documentId, job.kind],
    );
    return { reconciled: true, round: job.open > 0 ? null : await endRound(session, job, policy) };
  });
}
