import { type Actor, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { refreshDocuments } from './documentStatus';
import { endJobAs, endJobLease, endLease, openChunk, openJob } from './sql';

/**
 * Any job that has not ended -> cancelled, with its unsettled chunks. Its document follows. A worker that holds one of
 * them finds its lease gone; what was stored stays stored. Locks are taken as in every settlement: chunks, job, document.
 * @returns 'ended' when the job had already ended in another way, and null when there is no such job.
 */
export function cancelJob(database: Database, jobId: string, actor: Actor): Promise<'cancelled' | 'ended' | null> {
  return database.transaction(async (session) => {
    await session.sql.many(
      `SELECT FROM job_chunks WHERE job_id = $1 AND status IN ${openChunk} ORDER BY id FOR UPDATE`,
      [jobId],
    );
    const cancelChunks = () =>
      session.sql.none(
        `UPDATE job_chunks SET status = 'cancelled', attempts = attempts - (status = 'processing')::integer,
           ${endLease}, next_attempt_at = NULL, last_error_code = 'CANCELLED', last_error = 'The job was cancelled.',
           updated_at = now()
         WHERE job_id = $1 AND status IN ${openChunk}`,
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
    const cancelled = await session.sql.affected(
      `UPDATE jobs SET ${endJobAs(`'cancelled'`)}, ${endJobLease}, error_code = 'CANCELLED',
         error = 'The job was cancelled.'
       WHERE id = $1 AND status IN ${openJob}`,
      [jobId],
    );
    if (cancelled === 0) {
      return job.status === 'cancelled' ? 'cancelled' : 'ended';
    }
    await session.actions.record({ id: newId(), kind: 'cancel', actor, jobId });
    // Chunks are cancelled again with the job locked. Before the lock, chunks may have been stored or a round scheduled.
    await cancelChunks();
    if (job.kind !== 're-embed') {
      await refreshDocuments(session, [job.documentId]);
    }
    return 'cancelled';
  });
}
