import { type ChunkDispatch, type ChunkPayload, type ChunkQueueName, newId } from '@millrace/contracts';
import { chunkQueueOfJob, type Database, isNotBeingDeleted } from '@millrace/database';
import { dispatchColumns } from './dispatch';
import { finishSettling, type RetryPolicy, type RoundResult, type SettledRow, settledColumns } from './rounds';
import { endLease, isBeyondAnyLease, leaseEnd, leaseIsOver, nextDelivery } from './sql';

/*
 * Leases on job chunks: pending | retry_scheduled -> processing, and back to pending when they are released.
 *
 * A claim takes any number of chunks in one statement and gives them one token. A settlement names the token, so that a
 * worker that was too slow changes nothing. When a lease expires, the chunk fails with WORKER_LOST. An embedder that
 * gets the chunk's delivery again does that, or the reconciler if it comes first.
 */

export interface ClaimedChunk {
  id: string;
  jobId: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  /** The title and the file name of its document. */
  title: string | null;
  filename: string;
  chunkIndex: number;
  pageStart: number;
  pageEnd: number;
  payload: ChunkPayload;
  chunkHash: string;
  contentHash: string;
  attempts: number;
}

export interface ChunkClaim {
  token: string;
  chunks: ClaimedChunk[];
}

export interface ClaimOptions {
  /** Leaves out chunks of any other queue, which may have come in this one before an upgrade. */
  queue?: ChunkQueueName;
  chunkIds: readonly string[];
  worker: string;
  leaseMs: number;
  /** Names the claim. With a token of its own, a caller can release a claim whose answer never came. */
  token?: string;
  /**
   * The deliveries that brought the chunks. A chunk whose retry is due later is claimed early only by its own delivery, and
   * not by an older one that comes late.
   */
  queueJobIds?: readonly string[];
}

/**
 * Claims the given chunks that wait. Each claim counts as an attempt. The answer leaves out chunks that another
 * worker holds, that are settled, or that are deleted with their document or collection.
 */
export async function claimChunks(
  database: Database,
  { queue, chunkIds, worker, leaseMs, token = newId(), queueJobIds = [] }: ClaimOptions,
): Promise<ChunkClaim> {
  const chunks = await database.sql.many<ClaimedChunk>(
    `WITH claimable AS (
       SELECT id FROM job_chunks
       WHERE id = ANY($<chunkIds>::uuid[]) AND (status = 'pending' OR (status = 'retry_scheduled'
         AND (coalesce(next_attempt_at, now()) <= now() OR queue_job_id = ANY($<queueJobIds>::text[]))))
         AND ${isNotBeingDeleted('(SELECT j.collection_id FROM jobs j WHERE j.id = job_chunks.job_id)')}
         ${queue ? `AND (SELECT ${chunkQueueOfJob} FROM jobs j WHERE j.id = job_chunks.job_id) = $<queue>` : ''}
       ORDER BY id FOR UPDATE SKIP LOCKED
     ), claimed AS (
       UPDATE job_chunks c SET status = 'processing', attempts = attempts + 1, worker = $<worker>,
         lease_token = $<token>, lease_expires_at = ${leaseEnd},
         next_attempt_at = NULL, started_at = now(), updated_at = now()
       FROM claimable WHERE c.id = claimable.id
       RETURNING c.*
     ), resumed AS (
       UPDATE jobs SET status = 'processing', current_step = 'embedding', updated_at = now()
       WHERE status = 'retrying' AND id IN (SELECT job_id FROM claimed)
     )
     SELECT c.id, c.job_id AS "jobId", j.document_id AS "documentId", j.collection_id AS "collectionId",
            d.owner_id AS "ownerId", d.title, d.filename, c.chunk_index AS "chunkIndex", c.page_start AS "pageStart",
            c.page_end AS "pageEnd", c.payload, c.chunk_hash AS "chunkHash", c.content_hash AS "contentHash", c.attempts
     FROM claimed c JOIN jobs j ON j.id = c.job_id JOIN documents d ON d.id = j.document_id
     ORDER BY c.id`,
    { queue, chunkIds, worker, token, leaseMs, queueJobIds },
  );
  return { token, chunks };
}

/** Renews the lease of every chunk held under the token. @returns how many chunks are still held. */
export function renewChunkLeases(database: Database, lease: { token: string; leaseMs: number }): Promise<number> {
  return database.sql.affected(
    `UPDATE job_chunks SET lease_expires_at = ${leaseEnd}, updated_at = now()
     WHERE lease_token = $<token> AND status = 'processing'`,
    lease,
  );
}

export interface ChunkRelease {
  token: string;
  chunkIds: readonly string[];
  /** True to give the chunks new deliveries; false when the old ones come again. */
  redeliver: boolean;
}

/**
 * processing -> pending for the given chunks that are still held under the token. The attempt does not count: the
 * worker stops, the provider is paused, or another worker embeds the same text.
 * @returns the deliveries to make; none without `redeliver`.
 */
export async function releaseChunks(
  database: Database,
  { token, chunkIds, redeliver }: ChunkRelease,
): Promise<ChunkDispatch[]> {
  const released = await database.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'pending', attempts = c.attempts - 1, worker = NULL, ${endLease},
       started_at = NULL, ${redeliver ? `${nextDelivery('c')},` : ''} updated_at = now()
     FROM jobs j
     WHERE c.id = ANY($<chunkIds>::uuid[]) AND j.id = c.job_id AND c.lease_token = $<token> AND c.status = 'processing'
     RETURNING ${dispatchColumns}, 0 AS "delayMs"`,
    { token, chunkIds },
  );
  return redeliver ? released : [];
}

/** Which leases to look at: those of certain chunks, or at most `limit`. */
export type LeaseSelection = { chunkIds: readonly string[] } | { limit: number };

/** processing -> failed with WORKER_LOST for the chunks whose lease has expired. */
export function expireLeases(
  database: Database,
  selection: LeaseSelection,
  policy: RetryPolicy,
): Promise<{ expired: number; rounds: RoundResult[] }> {
  return database.transaction(async (session) => {
    const lost = await session.sql.many<SettledRow>(
      `WITH lost AS (
         SELECT id FROM job_chunks
         WHERE status = 'processing' AND ${leaseIsOver} AND ($<chunkIds> IS NULL OR id = ANY($<chunkIds>::uuid[]))
         ORDER BY id LIMIT $<limit> FOR UPDATE SKIP LOCKED
       )
       UPDATE job_chunks c SET status = 'failed', last_error_code = 'WORKER_LOST',
         last_error = 'The worker ' || worker || ' did not settle the chunk in time',
         ${endLease}, updated_at = now()
       FROM lost WHERE c.id = lost.id
       RETURNING ${settledColumns}`,
      {
        chunkIds: 'chunkIds' in selection ? selection.chunkIds : null,
        limit: 'limit' in selection ? selection.limit : null,
      },
    );
    return { expired: lost.length, rounds: await finishSettling(session, lost, policy) };
  });
}

/**
 * Sets deadlines that are later than any lease can end to one lease from now. A wrong clock has written them. A worker
 * that is alive renews in time; the lease of a dead one expires after `leaseMs`.
 * @returns how many there were.
 */
export async function clampLeases(database: Database, options: { leaseMs: number; limit: number }): Promise<number> {
  const clamp = (table: string, status: string) =>
    database.sql.affected(
      `UPDATE ${table} SET lease_expires_at = ${leaseEnd}, updated_at = now()
       WHERE id IN (SELECT id FROM ${table} WHERE status = '${status}'
                      AND lease_expires_at ${isBeyondAnyLease}
                    LIMIT $<limit> FOR UPDATE SKIP LOCKED)`,
      options,
    );
  const chunks = await clamp('job_chunks', 'processing');
  const jobs = await clamp('jobs', 'chunking');
  const claims = await database.sql.affected(
    `UPDATE embedding_claims SET expires_at = ${leaseEnd}
     WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM embedding_claims WHERE expires_at ${isBeyondAnyLease}
       LIMIT $<limit> FOR UPDATE SKIP LOCKED))`,
    options,
  );
  return chunks + jobs + claims;
}
