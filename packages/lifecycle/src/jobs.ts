import type { ChunkDispatch, DocumentRepair, ErrorCode, JobDispatch, ReadingOptions } from '@millrace/contracts';
import { type MillraceError, newId } from '@millrace/contracts';
import type { Database, NewDocumentPage, NewJobChunk, Session } from '@millrace/database';
import { firstDispatches } from './dispatch';
import { endRereading } from './rereading';
import type { RetryPolicy } from './rounds';
import { leaseIsOver } from './sql';

/*
 * The first half of a job: queued -> chunking -> processing, or failed.
 *
 * A chunker claims a queued job and holds it by a lease: a token that every later statement names, and a deadline that
 * it pushes forward while it reads. Storing the chunks, or failing, ends the lease. A chunker that is stopped hands the
 * job back. One that meets a fault that may pass puts the job back with a delay. One that dies leaves the lease to
 * expire; the next delivery claims the job again, or the reconciler queues it. Reading is attempted as often as a chunk
 * of the job may be (chunk_max_retries): a document that takes that many chunkers down with it fails as WORKER_LOST.
 */

export interface ClaimedJob {
  jobId: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  /** Key of the original in the blob store, or null when it has been removed. */
  sourcePath: string | null;
  mimeType: string;
  reading: ReadingOptions;
  chunkMaxRetries: number;
  attempts: number;
  /** The pages that are to be read again, in order; null when the whole document is to be read. See rereading.ts. */
  failedPages: number[] | null;
  token: string;
}

export type JobClaim =
  | { outcome: 'claimed'; job: ClaimedJob }
  /** Another chunker holds it until `until`. */
  | { outcome: 'leased'; until: Date }
  /** Nothing to do: ended, already chunked, or deleted. */
  | { outcome: 'gone' };

/** queued (or chunking with an expired lease) -> chunking, and the document to processing. */
export function claimJob(
  database: Database,
  { jobId, worker, leaseMs }: { jobId: string; worker: string; leaseMs: number },
): Promise<JobClaim> {
  return database.transaction(async (session) => {
    const token = newId();
    const claimed = await session.sql.oneOrNone<{
      documentId: string;
      attempts: number;
      chunkMaxRetries: number;
      reading: ReadingOptions;
      totalChunks: number | null;
    }>(
      `UPDATE jobs SET status = 'chunking', current_step = 'reading the document', attempts = attempts + 1,
         worker = $<worker>, lease_token = $<token>, lease_expires_at = now() + $<leaseMs> * interval '1 millisecond',
         started_at = coalesce(started_at, now()), next_attempt_at = NULL, updated_at = now()
       WHERE id = $<jobId> AND (status = 'queued' OR (status = 'chunking' AND ${leaseIsOver}))
       RETURNING document_id AS "documentId", attempts, chunk_max_retries AS "chunkMaxRetries", reading,
         total_chunks AS "totalChunks"`,
      { jobId, worker, token, leaseMs },
    );
    if (!claimed) {
      const job = await session.jobs.find(jobId);
      return job?.status === 'chunking' && job.leaseExpiresAt
        ? { outcome: 'leased', until: job.leaseExpiresAt }
        : { outcome: 'gone' };
    }
    if (claimed.attempts > claimed.chunkMaxRetries) {
      const job = { jobId, documentId: claimed.documentId, token };
      await endFailedJob(session, job, 'WORKER_LOST', lostMessage(claimed.chunkMaxRetries));
      return { outcome: 'gone' };
    }
    const document = await session.sql.one<{
      collectionId: string;
      ownerId: string;
      sourcePath: string | null;
      mimeType: string;
    }>(
      `UPDATE documents SET status = 'processing', updated_at = now() WHERE id = $1 AND status IN ('queued', 'processing')
       RETURNING collection_id AS "collectionId", owner_id AS "ownerId", source_path AS "sourcePath",
         mime_type AS "mimeType"`,
      [claimed.documentId],
    );
    return {
      outcome: 'claimed',
      job: {
        jobId,
        documentId: claimed.documentId,
        collectionId: document.collectionId,
        ownerId: document.ownerId,
        sourcePath: document.sourcePath,
        mimeType: document.mimeType,
        reading: claimed.reading,
        chunkMaxRetries: claimed.chunkMaxRetries,
        attempts: claimed.attempts,
        failedPages:
          claimed.totalChunks === null ? null : await session.documentPages.failedNumbers(claimed.documentId),
        token,
      },
    };
  });
}

const lostMessage = (attempts: number) => `${attempts} ${lostWords}`;
const lostWords = 'chunkers stopped while they read this document';

/** Pushes the lease's deadline forward. @returns false when the lease is no longer ours, and work should stop. */
export async function renewJobLease(
  database: Database,
  job: Pick<ClaimedJob, 'jobId' | 'token'>,
  leaseMs: number,
): Promise<boolean> {
  const renewed = await database.sql.affected(
    `UPDATE jobs SET lease_expires_at = now() + $<leaseMs> * interval '1 millisecond', updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId: job.jobId, token: job.token, leaseMs },
  );
  return renewed === 1;
}

/** chunking -> queued, without consuming an attempt: the chunker is stopping. @returns the delivery to make. */
export async function releaseJob(database: Database, job: ClaimedJob): Promise<JobDispatch | null> {
  const released = await database.sql.oneOrNone<{ queueJobId: string }>(
    `UPDATE jobs SET status = 'queued', current_step = 'waiting for a chunker', attempts = attempts - 1, worker = NULL,
       lease_token = NULL, lease_expires_at = NULL, dispatch_count = dispatch_count + 1,
       queue_job_id = id || '.' || (dispatch_count + 1), updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>
     RETURNING queue_job_id AS "queueJobId"`,
    job,
  );
  return released && { jobId: job.jobId, documentId: job.documentId, queueJobId: released.queueJobId, delayMs: 0 };
}

/**
 * chunking -> queued after a fault that may pass; the attempt counts. @returns the delivery to make, after a growing
 * delay, or null when the lease was lost.
 */
export async function retryReading(
  database: Database,
  job: ClaimedJob,
  error: MillraceError,
  policy: RetryPolicy,
): Promise<JobDispatch | null> {
  const delayMs = Math.max(error.retryAfterMs ?? 0, policy.backoffMs * 2 ** (job.attempts - 1) * (0.5 + Math.random()));
  const requeued = await database.sql.oneOrNone<{ queueJobId: string }>(
    `UPDATE jobs SET status = 'queued', current_step = 'waiting to read the document again', worker = NULL,
       error_code = $<code>, error = $<message>, lease_token = NULL, lease_expires_at = NULL,
       dispatch_count = dispatch_count + 1, queue_job_id = id || '.' || (dispatch_count + 1),
       next_attempt_at = now() + $<delayMs> * interval '1 millisecond', updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>
     RETURNING queue_job_id AS "queueJobId"`,
    { jobId: job.jobId, token: job.token, code: error.code, message: error.message, delayMs },
  );
  return requeued && { jobId: job.jobId, documentId: job.documentId, queueJobId: requeued.queueJobId, delayMs };
}

/**
 * chunking -> queued, or failed with WORKER_LOST when the attempts are used up, for up to `limit` jobs whose lease has
 * run out. @returns how many there were, and the deliveries to make.
 */
export function expireJobLeases(
  database: Database,
  limit: number,
): Promise<{ expired: number; dispatches: JobDispatch[] }> {
  return database.transaction(async (session) => {
    const lost = await session.sql.many<{ id: string }>(
      `SELECT id FROM jobs WHERE status = 'chunking' AND ${leaseIsOver} ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`,
      [limit],
    );
    const values = { ids: lost.map((job) => job.id), lostWords };
    const dispatches = await session.sql.many<JobDispatch>(
      `UPDATE jobs SET status = 'queued', current_step = 'waiting for a chunker', worker = NULL, lease_token = NULL,
         lease_expires_at = NULL, dispatch_count = dispatch_count + 1,
         queue_job_id = id || '.' || (dispatch_count + 1), updated_at = now()
       WHERE id = ANY($<ids>::uuid[]) AND status = 'chunking' AND attempts < chunk_max_retries
       RETURNING id AS "jobId", document_id AS "documentId", queue_job_id AS "queueJobId", 0 AS "delayMs"`,
      values,
    );
    await session.sql.none(
      `WITH ended AS (
         UPDATE jobs SET status = 'failed', current_step = 'failed', error_code = 'WORKER_LOST',
           error = attempts || ' ' || $<lostWords>, worker = NULL, lease_token = NULL, lease_expires_at = NULL,
           finished_at = now(), updated_at = now()
         WHERE id = ANY($<ids>::uuid[]) AND status = 'chunking' AND attempts >= chunk_max_retries
           AND total_chunks IS NULL
         RETURNING document_id, error
       )
       UPDATE documents d SET status = 'failed', error_code = 'WORKER_LOST', error = ended.error, updated_at = now()
       FROM ended WHERE d.id = ended.document_id AND d.status = 'processing'`,
      values,
    );
    const rereading = await session.sql.many<{ jobId: string; token: string; attempts: number }>(
      `SELECT id AS "jobId", lease_token AS token, attempts FROM jobs
       WHERE id = ANY($<ids>::uuid[]) AND status = 'chunking' ORDER BY id`,
      values,
    );
    for (const job of rereading) {
      await endRereading(session, job, 'WORKER_LOST', lostMessage(job.attempts));
    }
    return { expired: lost.length, dispatches };
  });
}

export interface ChunkedDocument {
  title: string | null;
  /** How the original was made readable, if it was broken. */
  repair?: DocumentRepair | null;
  pages: readonly NewDocumentPage[];
  /** At least one. */
  chunks: readonly NewJobChunk[];
}

/**
 * chunking -> processing: stores page outcomes and all job chunks in one transaction.
 * @returns the deliveries to make after the commit, or null when the lease was lost and nothing was stored.
 */
export function storeChunks(
  database: Database,
  job: ClaimedJob,
  document: ChunkedDocument,
): Promise<ChunkDispatch[] | null> {
  return database.transaction(async (session) => {
    const moved = await session.sql.oneOrNone<{ retryGroupId: string | null }>(
      `UPDATE jobs SET status = 'processing', current_step = 'embedding', total_chunks = $<total>, worker = NULL,
         error_code = NULL, error = NULL, lease_token = NULL, lease_expires_at = NULL, updated_at = now()
       WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token> AND total_chunks IS NULL
       RETURNING retry_group_id AS "retryGroupId"`,
      { jobId: job.jobId, token: job.token, total: document.chunks.length },
    );
    if (!moved) {
      return null;
    }
    await session.documentPages.replaceAll(job.documentId, document.pages);
    await session.documents.describe(job.documentId, {
      title: document.title,
      pageCount: document.pages.length,
      totalChunks: document.chunks.length,
      repair: document.repair ?? null,
    });
    await session.jobChunks.insertAll(document.chunks, {
      jobId: job.jobId,
      maxRetries: job.chunkMaxRetries,
      retryGroupId: moved.retryGroupId,
    });
    return firstDispatches(job, document.chunks);
  });
}

/**
 * chunking -> failed, and the document with it: the input cannot be read. Its pages' outcomes are kept where they are
 * known. A job that was to read failed pages again ends as what it was.
 * @returns the key of the original where the caller is to remove it: no reading could find more; null when the lease was
 * lost.
 */
export function failJob(
  database: Database,
  job: ClaimedJob,
  error: MillraceError,
  pages: readonly NewDocumentPage[] = [],
): Promise<{ sourcePath: string | null } | null> {
  return database.transaction(async (session) => {
    if (!(await endFailedJob(session, job, error.code, error.message))) {
      return null;
    }
    if (job.failedPages !== null) {
      return { sourcePath: null };
    }
    await session.documentPages.replaceAll(job.documentId, pages);
    // Where pages failed, a later reading may fare better: with other limits, on a machine with less to do.
    if (!error.retryable && !pages.some((page) => page.outcome === 'failed')) {
      await session.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [job.documentId]);
      return { sourcePath: job.sourcePath };
    }
    return { sourcePath: null };
  });
}

async function endFailedJob(
  session: Session,
  job: Pick<ClaimedJob, 'jobId' | 'documentId' | 'token'>,
  code: ErrorCode,
  message: string,
): Promise<boolean> {
  const ended = await session.sql.affected(
    `UPDATE jobs SET status = 'failed', current_step = 'failed', error_code = $<code>, error = $<message>,
       worker = NULL, lease_token = NULL, lease_expires_at = NULL, finished_at = now(), updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token> AND total_chunks IS NULL`,
    { jobId: job.jobId, token: job.token, code, message },
  );
  if (ended === 0) {
    return endRereading(session, job, code, message);
  }
  await session.sql.none(
    `UPDATE documents SET status = 'failed', error_code = $<code>, error = $<message>, updated_at = now()
     WHERE id = $<documentId> AND status = 'processing'`,
    { documentId: job.documentId, code, message },
  );
  return true;
}
