import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import type { Session } from '@millrace/database';
import { dispatchColumns } from './dispatch';

/*
 * What an operator asks for: failed | cancelled -> retry_scheduled, whatever the code, and the job goes on. It is a round
 * of its own, beside those the job may begin by itself. A success is never touched. `force` gives chunks that have used
 * up their attempts one more. Of a job that was cancelled, the chunks that are not retried become failed with CANCELLED:
 * the job will end, and each of its chunks must count as something. The jobs are locked first, by id, as where a round
 * ends: settled chunks belong to whoever holds their job.
 */

/**
 * SQL: why chunk `c` of job `j` is not scheduled, or null when it is. While failed pages of its document are read again,
 * a job waits with all of its chunks settled, and they wait for it. Asks for `force` and `errorCodes`.
 */
export const skipReasonOf = `CASE
  WHEN c.status = 'success' THEN 'succeeded'
  WHEN c.status IN ('pending', 'processing', 'retry_scheduled') OR j.status IN ('queued', 'chunking') THEN 'in_progress'
  WHEN $<errorCodes>::text[] IS NOT NULL AND (c.last_error_code = ANY($<errorCodes>::text[])) IS NOT TRUE
    THEN 'other_error_code'
  WHEN c.payload IS NULL THEN 'payload_expired'
  WHEN c.attempts >= c.max_retries AND NOT $<force> THEN 'attempts_exhausted'
END`;

/** SQL: whether job `j` of document `d` can be read again: it has no chunks yet, and its original is still there. */
export const isRestartable = `(j.status IN ('failed', 'cancelled') AND j.total_chunks IS NULL AND d.source_path IS NOT NULL)`;

/**
 * failed | cancelled -> queued for those of the jobs that can be read again. The chunks they get will be the
 * group's.
 */
export async function restart(session: Session, jobIds: readonly string[], groupId: string): Promise<JobDispatch[]> {
  const restarted = await session.sql.many<JobDispatch>(
    `UPDATE jobs j SET status = 'queued', current_step = 'waiting for a chunker', attempts = 0, error_code = NULL,
       error = NULL, finished_at = NULL, retry_group_id = $<groupId>, retry_count = j.retry_count + 1,
       max_retries = j.max_retries + 1, dispatch_count = j.dispatch_count + 1,
       queue_job_id = j.id || '.' || (j.dispatch_count + 1), updated_at = now()
     FROM documents d
     WHERE j.id = ANY($<jobIds>::uuid[]) AND d.id = j.document_id AND ${isRestartable}
     RETURNING j.id AS "jobId", j.document_id AS "documentId", j.queue_job_id AS "queueJobId", 0 AS "delayMs"`,
    { jobIds, groupId },
  );
  await session.sql.none(
    `UPDATE documents SET status = 'queued', error_code = NULL, error = NULL, updated_at = now()
     WHERE id = ANY($1::uuid[]) AND status IN ('failed', 'cancelled')`,
    [restarted.map((job) => job.documentId)],
  );
  return restarted;
}

/** failed | cancelled -> retry_scheduled for chunks whose jobs are locked; the jobs go on, and the documents they ingest. */
export async function schedule(
  session: Session,
  chunkIds: readonly string[],
  groupId: string,
): Promise<ChunkDispatch[]> {
  // Locked against whoever gives up their texts, who asks no job.
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
    `UPDATE job_chunks c SET status = 'retry_scheduled', dispatch_count = c.dispatch_count + 1,
       queue_job_id = c.id || '.' || (c.dispatch_count + 1), next_attempt_at = now(), retry_group_id = $<groupId>,
       max_retries = greatest(c.max_retries, c.attempts + 1), updated_at = now()
     FROM jobs j JOIN documents d ON d.id = j.document_id
     WHERE c.id = ANY($<ids>::uuid[]) AND c.status IN ('failed', 'cancelled') AND j.id = c.job_id
     RETURNING ${dispatchColumns}, 0 AS "delayMs"`,
    { ids, groupId },
  );
  await session.sql.none(
    `UPDATE jobs j SET failed_chunks = j.failed_chunks - retried.failed, retry_count = j.retry_count + 1,
       max_retries = j.max_retries + 1, status = CASE WHEN j.status = 'processing' THEN 'processing' ELSE 'retrying' END,
       current_step = 'retrying chunks for an operator', error_code = NULL, error = NULL, finished_at = NULL,
       updated_at = now()
     FROM unnest($<jobIds>::uuid[], $<failed>::integer[]) AS retried (id, failed) WHERE j.id = retried.id`,
    { jobIds, failed: jobIds.map((jobId) => failed.get(jobId) ?? 0) },
  );
  await session.sql.none(
    `UPDATE documents SET status = 'processing', error_code = NULL, error = NULL, updated_at = now()
     WHERE id IN (SELECT document_id FROM jobs WHERE id = ANY($1::uuid[]) AND kind = 'ingest')
       AND status IN ('ready', 'partial', 'failed', 'cancelled')`,
    [jobIds],
  );
  await session.retryGroups.addScheduled(groupId, dispatches.length);
  return dispatches;
}

/** cancelled -> failed for the jobs' chunks that are not retried. @returns how many there were in which job. */
export async function failWhatStaysCancelled(
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
       UPDATE job_chunks c SET status = 'failed', last_error_code = 'CANCELLED', last_error = 'The job was cancelled',
         updated_at = now()
       FROM left_out WHERE c.id = left_out.id
       RETURNING c.job_id
     )
     SELECT job_id AS "jobId", count(*)::integer AS count FROM failed GROUP BY job_id`,
    { jobIds, retried },
  );
  return new Map(rows.map((row) => [row.jobId, row.count]));
}
