import type { Database } from '@millrace/database';
import { endRereading } from './rereading';

/**
 * Any unfinished job -> cancelled, with its unsettled chunks and the document that it ingests. Whoever works on one of them
 * finds its lease gone; what was stored stays stored. A job that was to read failed pages again ends as what it was instead.
 * Locks are taken as in every settlement: chunks, job, document.
 * @returns 'ended' when the job had come to its end before, and null when there is no such job.
 */
export function cancelJob(database: Database, jobId: string): Promise<'cancelled' | 'ended' | null> {
  return database.transaction(async (session) => {
    const unsettled = `job_id = $1 AND status IN ('pending', 'processing', 'retry_scheduled')`;
    await session.sql.many(`SELECT FROM job_chunks WHERE ${unsettled} ORDER BY id FOR UPDATE`, [jobId]);
    const cancelChunks = () =>
      session.sql.none(
        `UPDATE job_chunks SET status = 'cancelled', attempts = attempts - (status = 'processing')::integer,
           lease_token = NULL, lease_expires_at = NULL, next_attempt_at = NULL,
           last_error_code = 'CANCELLED', last_error = 'The job was cancelled', updated_at = now()
         WHERE ${unsettled}`,
        [jobId],
      );
    await cancelChunks();
    const job = await session.sql.oneOrNone<{ status: string; documentId: string; kind: string }>(
      'SELECT status, document_id AS "documentId", kind FROM jobs WHERE id = $1 FOR UPDATE',
      [jobId],
    );
    if (!job) {
      return null;
    }
    const words = 'Reading its failed pages again was cancelled';
    if (await endRereading(session, { jobId, token: null }, 'CANCELLED', words)) {
      return 'cancelled';
    }
    const cancelled = await session.sql.affected(
      `UPDATE jobs SET status = 'cancelled', current_step = 'cancelled', error_code = 'CANCELLED',
         error = 'The job was cancelled', worker = NULL, lease_token = NULL, lease_expires_at = NULL,
         next_attempt_at = NULL, finished_at = now(), updated_at = now()
       WHERE id = $1 AND status IN ('queued', 'chunking', 'processing', 'retrying')`,
      [jobId],
    );
    if (cancelled === 0) {
      return job.status === 'cancelled' ? 'cancelled' : 'ended';
    }
    // Once more, with the job locked: between our look at the chunks and that lock they may just have been stored, or a
    // round of them scheduled.
    await cancelChunks();
    await session.sql.none(
      `UPDATE documents SET status = 'cancelled', error_code = 'CANCELLED', error = 'The job was cancelled',
         updated_at = now()
       WHERE id = $1 AND status IN ('queued', 'processing') AND $2 = 'ingest'`,
      [job.documentId, job.kind],
    );
    return 'cancelled';
  });
}
