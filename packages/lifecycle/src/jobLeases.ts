import { type JobDispatch, type MillraceError, newId, type ReadingOptions } from '@millrace/contracts';
import { type Database, isNotBeingDeleted } from '@millrace/database';
import type { ClaimedJob, JobLease } from './claimedJob';
import { jobDispatchColumns } from './dispatch';
import { refreshDocuments } from './documentStatus';
import { endUnreadJob } from './failReading';
import type { RetryPolicy } from './rounds';
import { clearError, endJobAs, endJobLease, leaseEnd, leaseIsOver, nextDelivery } from './sql';

/*
 * The first half of a job of the kind ingest or reread: queued -> chunking -> processing, or failed.
 *
 * A chunker claims a queued job and holds it by a lease: a token that every later statement names, and a deadline that
 * the chunker renews while it reads. Storing what was read, or failing, ends the lease. A chunker that is stopped
 * releases the job. After a transient fault it queues the job again with a delay. When a chunker dies, its lease
 * expires; then the next delivery claims the job again, or the reconciler queues it. A job is read as often as one of
 * its chunks may be tried (chunk_max_retries). A document that stops that many chunkers fails with WORKER_LOST.
 */

export type JobClaim =
  | { outcome: 'claimed'; job: ClaimedJob }
  /** Another chunker holds it until `until`. */
  | { outcome: 'leased'; until: Date }
  /** Its collection has as many documents in hand as it may have. */
  | { outcome: 'full' }
  /** There is nothing to do: the job has ended, has its chunks, or is deleted with its document or collection. */
  | { outcome: 'gone' };

export interface JobClaimOptions {
  jobId: string;
  worker: string;
  leaseMs: number;
  /** How many documents of one collection may be read at the same time; 0, the default, is no limit. */
  maxInCollection?: number;
}

/** SQL: the collection of job `jobs` reads fewer documents than the value `maxInCollection`, unless that is 0. */
const hasRoom = `($<maxInCollection> = 0 OR $<maxInCollection> > (
  SELECT count(*) FROM jobs other
  WHERE other.status = 'chunking' AND other.id <> jobs.id AND other.collection_id = jobs.collection_id))`;

/**
 * queued (or chunking with an expired lease) -> chunking, and the document to processing. Two claims at the same moment may pass
 * `maxInCollection` by one each.
 */
export function claimJob(
  database: Database,
  { jobId, worker, leaseMs, maxInCollection = 0 }: JobClaimOptions,
): Promise<JobClaim> {
  return database.transaction(async (session) => {
    const token = newId();
    const claimed = await session.sql.oneOrNone<{
      documentId: string;
      kind: ClaimedJob['kind'];
      attempts: number;
      chunkMaxRetries: number;
      reading: ReadingOptions;
    }>(
      `UPDATE jobs SET status = 'chunking', current_step = 'reading the document', attempts = attempts + 1,
         worker = $<worker>, lease_token = $<token>, lease_expires_at = ${leaseEnd},
         started_at = coalesce(started_at, now()), next_attempt_at = NULL, updated_at = now()
       WHERE id = $<jobId> AND (status = 'queued' OR (status = 'chunking' AND ${leaseIsOver})) AND ${hasRoom}
         AND ${isNotBeingDeleted('collection_id')}
       RETURNING document_id AS "documentId", kind, attempts, chunk_max_retries AS "chunkMaxRetries", reading`,
      { jobId, worker, token, leaseMs, maxInCollection },
    );
    if (!claimed) {
      const job = await session.jobs.find(jobId);
      if (job?.status === 'queued' && maxInCollection > 0) {
        const { kept } = await session.sql.one<{ kept: boolean }>(
          `SELECT ${isNotBeingDeleted('$<collectionId>::uuid')} AS kept`,
          job,
        );
        return { outcome: kept ? 'full' : 'gone' };
      }
      return job?.status === 'chunking' && job.leaseExpiresAt
        ? { outcome: 'leased', until: job.leaseExpiresAt }
        : { outcome: 'gone' };
    }
    const { documentId, kind, attempts, chunkMaxRetries, reading } = claimed;
    if (attempts > chunkMaxRetries) {
      await endUnreadJob(session, { jobId, documentId, token }, lostWorkers(chunkMaxRetries));
      return { outcome: 'gone' };
    }
    const document = await session.sql.one<Pick<ClaimedJob, 'collectionId' | 'ownerId' | 'sourcePath' | 'mimeType'>>(
      // Whatever its status: during an upgrade, an old embedder that ends the ingest job does not see the reread job.
      `UPDATE documents SET status = 'processing', ${clearError}, updated_at = now() WHERE id = $1
       RETURNING collection_id AS "collectionId", owner_id AS "ownerId", source_path AS "sourcePath",
         mime_type AS "mimeType"`,
      [documentId],
    );
    const job = { jobId, documentId, ...document, reading, chunkMaxRetries, attempts, token };
    if (kind === 'ingest') {
      return { outcome: 'claimed', job: { ...job, kind } };
    }
    const { pages, files } = await session.documentPages.failedNumbers(documentId);
    return { outcome: 'claimed', job: { ...job, kind, failedPages: pages, unreadFiles: files } };
  });
}

const lostWords = 'chunkers stopped while they read this document.';

function lostWorkers(attempts: number) {
  return { code: 'WORKER_LOST', message: `${attempts} ${lostWords}` };
}

/** Renews the lease. @returns false when the lease is lost and work should stop. */
export async function renewJobLease(database: Database, { jobId, token }: JobLease, leaseMs: number): Promise<boolean> {
  const renewed = await database.sql.affected(
    `UPDATE jobs SET lease_expires_at = ${leaseEnd}, updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId, token, leaseMs },
  );
  return renewed === 1;
}

/** chunking -> queued. The attempt does not count: the chunker is stopping. @returns the delivery to make. */
export function releaseJob(database: Database, { jobId, token }: JobLease): Promise<JobDispatch | null> {
  return database.sql.oneOrNone(
    `UPDATE jobs SET status = 'queued', current_step = 'waiting for a chunker', attempts = attempts - 1,
       ${endJobLease}, ${nextDelivery('jobs')}, updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>
     RETURNING ${jobDispatchColumns('jobs')}, 0 AS "delayMs"`,
    { jobId, token },
  );
}

/**
 * chunking -> queued after a transient fault. The attempt counts.
 * @returns the delivery to make, after a delay that grows with each attempt; null when the lease was lost.
 */
export function retryReading(
  database: Database,
  { jobId, token, attempts }: ClaimedJob,
  error: MillraceError,
  policy: RetryPolicy,
): Promise<JobDispatch | null> {
  const delayMs = Math.max(error.retryAfterMs ?? 0, policy.backoffMs * 2 ** (attempts - 1) * (0.5 + Math.random()));
  return database.sql.oneOrNone(
    `UPDATE jobs SET status = 'queued', current_step = 'waiting to read the document again', error_code = $<code>,
       error = $<message>, ${endJobLease}, ${nextDelivery('jobs')},
       next_attempt_at = now() + $<delayMs> * interval '1 millisecond', updated_at = now()
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>
     RETURNING ${jobDispatchColumns('jobs')}, $<delayMs>::float8 AS "delayMs"`,
    { jobId, token, code: error.code, message: error.message, delayMs },
  );
}

/**
 * chunking -> queued, or failed with WORKER_LOST when the attempts are used up, for up to `limit` jobs whose lease has
 * expired. @returns how many there were, and the deliveries to make.
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
      `UPDATE jobs SET status = 'queued', current_step = 'waiting for a chunker', ${endJobLease},
         ${nextDelivery('jobs')}, updated_at = now()
       WHERE id = ANY($<ids>::uuid[]) AND status = 'chunking' AND attempts < chunk_max_retries
       RETURNING ${jobDispatchColumns('jobs')}, 0 AS "delayMs"`,
      values,
    );
    const ended = await session.sql.many<{ documentId: string }>(
      `UPDATE jobs SET ${endJobAs(`'failed'`)}, ${endJobLease}, error_code = 'WORKER_LOST',
         error = attempts || ' ' || $<lostWords>
       WHERE id = ANY($<ids>::uuid[]) AND status = 'chunking' AND attempts >= chunk_max_retries
       RETURNING document_id AS "documentId"`,
      values,
    );
    await refreshDocuments(
      session,
      ended.map((job) => job.documentId),
    );
    return { expired: lost.length, dispatches };
  });
}
