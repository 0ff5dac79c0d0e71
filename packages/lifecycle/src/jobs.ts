import type { ChunkDispatch, ErrorCode, JobDispatch } from '@millrace/contracts';
import { type MillraceError, newId } from '@millrace/contracts';
import type { Database, NewDocumentPage, NewJobChunk, Session } from '@millrace/database';

/*
 * The first half of a job: queued -> chunking -> processing, or failed.
 *
 * A chunker claims a queued job and holds it by a lease: a token that every later statement names, and a deadline that
 * it pushes forward while it reads. Storing the chunks, or failing, ends the lease. A chunker that is stopped hands the
 * job back. One that dies leaves the lease to expire; the next delivery claims the job again, and a document that takes
 * three chunkers down with it fails as WORKER_LOST instead of taking a fourth.
 */

const maxChunkingAttempts = 3;

export interface ClaimedJob {
  jobId: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  /** Key of the original in the blob store, or null when it has been removed. */
  sourcePath: string | null;
  chunkMaxRetries: number;
  token: string;
}

export type JobClaim =
  | { outcome: 'claimed'; job: ClaimedJob }
  /** Another chunker holds it until `until`. */
  | { outcome: 'leased'; until: Date }
  /** Nothing to do: ended, already chunked, or deleted. */
  | { outcome: 'gone' };

/** queued (or chunking with an expired lease) -> chunking, and the document to processing. */
export function claimJob(database: Database, jobId: string, worker: string, leaseMs: number): Promise<JobClaim> {
  return database.transaction(async (session) => {
    const token = newId();
    const claimed = await session.sql.oneOrNone<{ document_id: string; attempts: number; chunk_max_retries: number }>(
      `UPDATE jobs SET status = 'chunking', current_step = 'reading the PDF', attempts = attempts + 1,
         worker = $<worker>, lease_token = $<token>, lease_expires_at = now() + $<leaseMs> * interval '1 millisecond',
         started_at = coalesce(started_at, now()), updated_at = now()
       WHERE id = $<jobId> AND (status = 'queued' OR (status = 'chunking' AND lease_expires_at < now()))
       RETURNING document_id, attempts, chunk_max_retries`,
      { jobId, worker, token, leaseMs },
    );
    if (!claimed) {
      const job = await session.jobs.find(jobId);
      return job?.status === 'chunking' && job.lease_expires_at
        ? { outcome: 'leased', until: job.lease_expires_at }
        : { outcome: 'gone' };
    }
    if (claimed.attempts > maxChunkingAttempts) {
      await endFailedJob(session, { jobId, documentId: claimed.document_id, token }, 'WORKER_LOST', lostMessage);
      return { outcome: 'gone' };
    }
    const document = await session.sql.one<{
      collection_id: string;
      owner_id: string;
      source_path: string | null;
    }>(
      `UPDATE documents SET status = 'processing', updated_at = now() WHERE id = $1 AND status IN ('queued', 'processing')
       RETURNING collection_id, owner_id, source_path`,
      [claimed.document_id],
    );
    return {
      outcome: 'claimed',
      job: {
        jobId,
        documentId: claimed.document_id,
        collectionId: document.collection_id,
        ownerId: document.owner_id,
        sourcePath: document.source_path,
        chunkMaxRetries: claimed.chunk_max_retries,
        token,
      },
    };
  });
}

const lostMessage = `${maxChunkingAttempts} chunkers stopped while they read this document`;

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
  const released = await database.sql.oneOrNone<{ queue_job_id: string }>(
    `UPDATE jobs SET status = 'queued', current_step = 'waiting for a chunker', attempts = attempts - 1, worker = NULL,
       lease_token = NULL, lease_expires_at = NULL, dispatch_count = dispatch_count + 1,
       queue_job_id = id || '.' || (dispatch_count + 1), updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>
     RETURNING queue_job_id`,
    job,
  );
  return released && { jobId: job.jobId, documentId: job.documentId, queueJobId: released.queue_job_id };
}

export interface ChunkedDocument {
  title: string | null;
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
    const moved = await session.sql.affected(
      `UPDATE jobs SET status = 'processing', current_step = 'embedding', total_chunks = $<total>, worker = NULL,
         lease_token = NULL, lease_expires_at = NULL, updated_at = now()
       WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
      { jobId: job.jobId, token: job.token, total: document.chunks.length },
    );
    if (moved === 0) {
      return null;
    }
    await session.documentPages.replaceAll(job.documentId, document.pages);
    await session.documents.describe(job.documentId, {
      title: document.title,
      pageCount: document.pages.length,
      totalChunks: document.chunks.length,
    });
    await session.jobChunks.insertAll(job.jobId, job.chunkMaxRetries, document.chunks);
    return document.chunks.map((chunk) => ({
      chunkId: chunk.id,
      jobId: job.jobId,
      documentId: job.documentId,
      chunkIndex: chunk.chunkIndex,
      queueJobId: `${chunk.id}.1`,
      delayMs: 0,
    }));
  });
}

/**
 * chunking -> failed, and the document with it: the input cannot be read. Its pages' outcomes are kept where they are
 * known. @returns the key of the original, which the caller now removes, or null when the lease was lost.
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
    await session.documentPages.replaceAll(job.documentId, pages);
    if (!error.retryable) {
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
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId: job.jobId, token: job.token, code, message },
  );
  if (ended === 0) {
    return false;
  }
  await session.sql.none(
    `UPDATE documents SET status = 'failed', error_code = $<code>, error = $<message>, updated_at = now()
     WHERE id = $<documentId> AND status = 'processing'`,
    { documentId: job.documentId, code, message },
  );
  return true;
}
