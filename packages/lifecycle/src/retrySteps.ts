import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import type { Session } from '@millrace/database';
import { dispatchColumns, jobDispatchColumns } from './dispatch';
import { refreshDocuments } from './documentStatus';
import { lockDocuments } from './lockDocuments';
import { clearError, goOn, nextDelivery, openChunk } from './sql';

/*
 * An operator's retry: failed | cancelled -> retry_scheduled, whatever the code, and the job goes on. It is an
 * additional round, beside the rounds that the job begins without a request. A success is never touched. `force` gives
 * one more attempt to chunks that have used up theirs. When chunks of a cancelled job are retried, its other cancelled
 * chunks become failed with CANCELLED: the job will end, and each of its chunks must count as something. The jobs are
 * locked first, by id, as at the end of a round: settled chunks belong to the transaction that holds their job.
 */

/** SQL: why chunk `c` is not scheduled, or null when it is. Needs the values `force` and `errorCodes`. */
export const skipReasonOf = `CASE
  WHEN c.status = 'success' THEN 'succeeded'
  WHEN c.status IN ${openChunk} THEN 'in_progress'
  WHEN $<errorCodes>::text[] IS NOT NULL AND (c.last_error_code = ANY($<errorCodes>::text[])) IS NOT TRUE
    THEN 'other_error_code'
  WHEN c.payload IS NULL THEN 'payload_expired'
  WHEN c.attempts >= c.max_retries AND NOT $<force> THEN 'attempts_exhausted'
END`;

/** SQL: job `j` ended before its document had chunks. A reread job is not retried; a request for pages makes a new one. */
export const endedUnread = `(j.kind = 'ingest' AND j.status IN ('failed', 'cancelled') AND j.total_chunks IS NULL)`;

/** SQL: whether job `j` of document `d` can be restarted: it has no chunks yet, and its original still exists. */
export const isRestartable = `(${endedUnread} AND d.source_path IS NOT NULL)`;

/** failed | cancelled -> queued for the given jobs that can be restarted. The chunks they get belong to the group. */
export async function restart(session: Session, jobIds: readonly string[], groupId: string): Promise<JobDispatch[]> {
  const restarted = await session.sql.many<JobDispatch>(
    `UPDATE jobs j SET status = 'queued', current_step = 'waiting for a chunker', attempts = 0, ${goOn},
       retry_group_id = $<groupId>, retry_count = j.retry_count + 1, max_retries = j.max_retries + 1,
       ${nextDelivery('j')}, updated_at = now()
     FROM documents d
     WHERE j.id = ANY($<jobIds>::uuid[]) AND d.id = j.document_id AND ${isRestartable}
     RETURNING ${jobDispatchColumns('j')}, 0 AS "delayMs"`,
    { jobIds, groupId },
  );
  const documents = await lockDocuments(
    session,
    restarted.map((job) => job.documentId),
  );
  await session.sql.none(
    `UPDATE documents SET status = 'queued', ${clearError}, updated_at = now()
     WHERE id = ANY($1::uuid[]) AND status IN ('failed', 'cancelled')`,
    [documents.map(({ id }) => id)],
  );
  return restarted;
}

/** failed | cancelled -> retry_scheduled for chunks whose jobs are locked. The jobs go on, and their documents follow. */
export async function schedule(
  session: Session,
  chunkIds: readonly string[],
  groupId: string,
): Promise<ChunkDispatch[]> {
  // The lock keeps out the sweep that removes kept texts: it takes no lock on the jobs.
  const chunks = await session.sql.many<{ id: string; jobId: string; status: 'failed' | 'cancelled' }>(
    `SELECT id, job_id AS "jobId", status FROM job_chunks
     WHERE id = ANY($1::uuid[]) AND status IN ('failed', 'cancelled') AND payload IS NOT NULL
     ORDER BY id FOR UPDATE`,
    [chunkIds],
  );
  if (chunks.length === 0) {
    return [];
  }
  const ids = chunks.map((chunk) => chunk.id);
  const jobIds = [...new Set(chunks.map((chunk) => chunk.jobId))];
  const leftCancelled = await failWhatStaysCancelled(session, jobIds, ids);
  const failed = new Map(jobIds.map((jobId) => [jobId, -(leftCancelled.get(jobId) ?? 0)]));
  for (const chunk of chunks) {
    failed.set(chunk.jobId, (failed.get(chunk.jobId) ?? 0) + (chunk.status === 'failed' ? 1 : 0));
  }
  const dispatches = await session.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'retry_scheduled', ${nextDelivery('c')}, next_attempt_at = now(),
       retry_group_id = $<groupId>, max_retries = greatest(c.max_retries, c.attempts + 1), updated_at = now()
     FROM jobs j
     WHERE c.id = ANY($<ids>::uuid[]) AND c.status IN ('failed', 'cancelled') AND j.id = c.job_id
     RETURNING ${dispatchColumns}, 0 AS "delayMs"`,
    { ids, groupId },
  );
  const jobs = await session.sql.many<{ documentId: string; kind: string }>(
    `UPDATE jobs j SET failed_chunks = j.failed_chunks - retried.failed, retry_count = j.retry_count + 1,
       max_retries = j.max_retries + 1, status = CASE WHEN j.status = 'processing' THEN 'processing' ELSE 'retrying' END,
       current_step = 'retrying chunks for an operator', ${goOn}, updated_at = now()
     FROM unnest($<jobIds>::uuid[], $<failed>::integer[]) AS retried (id, failed) WHERE j.id = retried.id
     RETURNING j.document_id AS "documentId", j.kind`,
    { jobIds, failed: jobIds.map((jobId) => failed.get(jobId) ?? 0) },
  );
  await refreshDocuments(
    session,
    jobs.filter((job) => job.kind !== 're-embed').map((job) => job.documentId),
  );
  await session.retryGroups.addScheduled(groupId, dispatches.length);
  return dispatches;
}

/** cancelled -> failed for the jobs' chunks that are not retried. @returns how many there were in which job. */
async function failWhatStaysCancelled(
  session: Session,
  jobIds: readonly string[],
  retried: readonly string[],
): Promise<Map<string, number>> {
  const rows = await session.sql.many<{ jobId: string; count: number }>(
    `WITH left_out AS (
       SELECT id FROM job_chunks
       WHERE job_id = ANY($<jobIds>::uuid[]) AND status = 'cancelled' AND id <> ALL ($<retried>::uuid[])
       ORDER BY id FOR UPDATE
     ), failed AS (
       UPDATE job_chunks c SET status = 'failed', last_error_code = 'CANCELLED', last_error = 'The job was cancelled.',
         updated_at = now()
       FROM left_out WHERE c.id = left_out.id
       RETURNING c.job_id
     )
     SELECT job_id AS "jobId", count(*)::integer AS count FROM failed GROUP BY job_id`,
    { jobIds, retried },
  );
  return new Map(rows.map((row) => [row.jobId, row.count]));
}
