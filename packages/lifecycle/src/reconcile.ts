import type { Database } from '@millrace/database';
import { refreshDocuments } from './documentStatus';
import { type Counters, counters } from './endJobs';
import { endRounds, type RetryPolicy, type RoundResult } from './rounds';
import { goOn, openChunk, runningJob } from './sql';

/*
 * Reconciling brings a job back to what its chunks say. It should never be needed: counters and statuses change in the
 * same transaction as the chunks. The reconciler looks for such jobs and counts how many it had to change.
 */

/** SQL: what the chunks of job `j` say. */
const tally = `LATERAL (
  SELECT (count(*) FILTER (WHERE c.status = 'success'))::integer AS success,
         (count(*) FILTER (WHERE c.status = 'failed'))::integer AS failed,
         (count(*) FILTER (WHERE c.status IN ${openChunk}))::integer AS open
  FROM job_chunks c WHERE c.job_id = j.id) AS n`;

/** SQL: the job and its chunks disagree about their counts, or about whether work is left. */
const drifted = `(j.processed_chunks <> n.success OR j.failed_chunks <> n.failed
  OR (j.status IN ${runningJob}) <> (n.open > 0))`;

/** SQL: job `j` has all of its chunks, and all of them count. */
const inScope = `j.total_chunks IS NOT NULL AND j.status <> 'cancelled' AND j.pruned_at IS NULL`;

/** How many chunks one call counts. A job with more is checked alone. */
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
         WHERE ${inScope} AND j.id > $<after> AND (j.status IN ${runningJob}
           OR j.finished_at > now() - $<endedWithinMs> * interval '1 millisecond')
         ORDER BY j.id LIMIT $<limit>) AS scoped) AS j, ${tally}
     WHERE j.chunks_before < $<chunksAtATime> ORDER BY j.id`,
    { ...options, chunksAtATime },
  );
  return { last: rows.at(-1)?.id ?? null, drifted: rows.filter((row) => row.drifted).map((row) => row.id) };
}

/**
 * Sets a job's counters to what its chunks say and makes it go on. When no chunk of the round is left, the round ends
 * again, on the right counts.
 */
export function reconcileCounters(
  database: Database,
  jobId: string,
  policy: RetryPolicy,
): Promise<{ reconciled: boolean; round: RoundResult | null }> {
  return database.transaction(async (session) => {
    // With the job locked no settlement can commit: each of them ends with its counters.
    await session.sql.many('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId]);
    const job = await session.sql.oneOrNone<Counters & { open: number }>(
      `UPDATE jobs SET processed_chunks = counted.success, failed_chunks = counted.failed, ${goOn},
         status = CASE WHEN status = 'retrying' THEN 'retrying' ELSE 'processing' END, updated_at = now()
       FROM (SELECT n.* FROM jobs j, ${tally} WHERE j.id = $1 AND ${inScope} AND ${drifted}) AS counted
       WHERE id = $1
       RETURNING ${counters}, counted.open`,
      [jobId],
    );
    if (!job) {
      return { reconciled: false, round: null };
    }
    if (job.kind !== 're-embed') {
      await refreshDocuments(session, [job.documentId]);
    }
    const [round = null] = job.open > 0 ? [] : await endRounds(session, [job], policy);
    return { reconciled: true, round };
  });
}
