import {
  type ChunkDispatch,
  chunkHashOf,
  type ErrorCode,
  type JobDispatch,
  jobHasEnded,
  newId,
} from '@millrace/contracts';
import type { Database, JobRow, NewDocumentPage, NewJobChunk, Session } from '@millrace/database';
import { firstDispatches } from './dispatch';
import type { ClaimedJob } from './jobs';
import { failWhatStaysCancelled } from './retrySteps';
import { type Counters, counters, endJob } from './rounds';

/*
 * Reading failed pages again: an ended job that has chunks -> queued -> chunking -> processing, or its end again.
 *
 * A job that waits or is read although it has chunks is one whose failed pages are read again; nothing else tells it.
 * Meanwhile its chunks are settled and stay as they are, and the pages stay failed until what has become of them is
 * stored, so that a chunker that dies leaves nothing to undo. What is read now becomes chunks of its own, after those
 * there are; only the outcome of failed pages changes.
 */

export type PagesRetried =
  | { outcome: 'queued'; groupId: string; pages: number; job: JobDispatch }
  /** The job is under way: its pages are read or its chunks are embedded. */
  | { outcome: 'in_progress' }
  /** All pages have been read, the job ended before any was, or it reads none. */
  | { outcome: 'no_failed_pages' }
  | { outcome: 'original_gone' };

/** Has a job read its document's failed pages again. @returns null when there is no such job. */
export function retryPages(database: Database, jobId: string): Promise<PagesRetried | null> {
  return database.transaction(async (session) => {
    const found = await session.sql.oneOrNone<
      Pick<JobRow, 'kind' | 'status' | 'totalChunks' | 'documentId'> & { sourcePath: string | null }
    >(
      `SELECT j.kind, j.status, j.total_chunks AS "totalChunks", j.document_id AS "documentId",
              d.source_path AS "sourcePath"
       FROM jobs j JOIN documents d ON d.id = j.document_id WHERE j.id = $1 FOR UPDATE OF j`,
      [jobId],
    );
    if (!found) {
      return null;
    }
    if (!jobHasEnded(found.status)) {
      return { outcome: 'in_progress' };
    }
    const hasRead = found.kind === 'ingest' && found.totalChunks !== null;
    const pages = !hasRead ? 0 : (await session.documentPages.failures(found.documentId)).count;
    if (pages === 0) {
      return { outcome: 'no_failed_pages' };
    }
    if (found.sourcePath === null) {
      return { outcome: 'original_gone' };
    }
    const groupId = newId();
    await session.retryGroups.insert({ id: groupId, request: { job_id: jobId, pages: 'failed' }, force: false });
    const left = await failWhatStaysCancelled(session, [jobId], []);
    const job = await session.sql.one<JobDispatch>(
      `UPDATE jobs SET status = 'queued', current_step = 'waiting to read failed pages again', attempts = 0,
         failed_chunks = failed_chunks + $<left>, error_code = NULL, error = NULL, finished_at = NULL,
         retry_group_id = $<groupId>, retry_count = retry_count + 1, max_retries = max_retries + 1,
         dispatch_count = dispatch_count + 1, queue_job_id = id || '.' || (dispatch_count + 1), updated_at = now()
       WHERE id = $<jobId> AND status = $<status>
       RETURNING id AS "jobId", document_id AS "documentId", queue_job_id AS "queueJobId", 0 AS "delayMs"`,
      { jobId, groupId, status: found.status, left: left.get(jobId) ?? 0 },
    );
    await session.sql.none(
      `UPDATE documents SET status = 'processing', error_code = NULL, error = NULL, updated_at = now()
       WHERE id = $1 AND status IN ('partial', 'failed', 'cancelled')`,
      [found.documentId],
    );
    return { outcome: 'queued', groupId, pages, job };
  });
}

/**
 * chunking -> processing, with the chunks of the pages that can now be read, numbered after those there are; or the
 * job's end, when there are none. @returns the deliveries to make after the commit, or null when the lease was lost and
 * nothing was stored.
 */
export function storePages(
  database: Database,
  job: ClaimedJob,
  read: { pages: readonly NewDocumentPage[]; chunks: readonly NewJobChunk[] },
): Promise<ChunkDispatch[] | null> {
  return database.transaction(async (session) => {
    const moved = await session.sql.oneOrNone<Counters & { retryGroupId: string | null }>(
      `UPDATE jobs SET status = 'processing', current_step = 'embedding', total_chunks = total_chunks + $<added>,
         worker = NULL, error_code = NULL, error = NULL, lease_token = NULL, lease_expires_at = NULL, updated_at = now()
       WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token> AND total_chunks IS NOT NULL
       RETURNING ${counters}, retry_group_id AS "retryGroupId"`,
      { jobId: job.jobId, token: job.token, added: read.chunks.length },
    );
    if (!moved) {
      return null;
    }
    await session.documentPages.replaceFailed(job.documentId, read.pages);
    const chunks = await appended(session, job.jobId, read.chunks);
    if (chunks.length === 0) {
      await endJob(session, moved);
      return [];
    }
    await session.sql.none('UPDATE documents SET total_chunks = $<total>, updated_at = now() WHERE id = $<id>', {
      id: job.documentId,
      total: moved.totalChunks,
    });
    await session.jobChunks.insertAll(chunks, {
      jobId: job.jobId,
      maxRetries: job.chunkMaxRetries,
      retryGroupId: moved.retryGroupId,
    });
    return firstDispatches(job, chunks);
  });
}

/**
 * chunking (queued too, when it is cancelled) -> the job's end, for one whose failed pages could not or need not be
 * looked at again: it is what it was, and says why.
 * @param token The lease's, or null for whoever holds it.
 * @returns false when the lease was lost, or the job is not of that kind.
 */
export async function endRereading(
  session: Session,
  { jobId, token }: { jobId: string; token: string | null },
  code: ErrorCode,
  message: string,
): Promise<boolean> {
  const moved = await session.sql.oneOrNone<Counters>(
    `UPDATE jobs SET status = 'processing', worker = NULL, lease_token = NULL, lease_expires_at = NULL,
       next_attempt_at = NULL, updated_at = now()
     WHERE id = $<jobId> AND total_chunks IS NOT NULL AND status IN ('queued', 'chunking')
       AND ($<token>::uuid IS NULL OR lease_token = $<token>)
     RETURNING ${counters}`,
    { jobId, token },
  );
  if (!moved) {
    return false;
  }
  await endJob(session, moved, { code, message });
  return true;
}

/** The chunks, with indexes after the job's last one, and hashes that count the same texts there are already. */
async function appended(session: Session, jobId: string, chunks: readonly NewJobChunk[]): Promise<NewJobChunk[]> {
  const { next } = await session.sql.one<{ next: number }>(
    'SELECT coalesce(max(chunk_index) + 1, 0) AS next FROM job_chunks WHERE job_id = $1',
    [jobId],
  );
  const known = await session.sql.many<{ hash: string; count: number }>(
    `SELECT content_hash AS hash, count(*)::integer AS count FROM job_chunks
     WHERE job_id = $<jobId> AND content_hash = ANY($<hashes>::text[]) GROUP BY content_hash`,
    { jobId, hashes: chunks.map((chunk) => chunk.contentHash) },
  );
  const occurrences = new Map(known.map(({ hash, count }) => [hash, count]));
  return chunks.map((chunk, index) => {
    const occurrence = occurrences.get(chunk.contentHash) ?? 0;
    occurrences.set(chunk.contentHash, occurrence + 1);
    return { ...chunk, chunkIndex: next + index, chunkHash: chunkHashOf(chunk.contentHash, occurrence) };
  });
}
