import type { ChunkDispatch } from '@millrace/contracts';
import { type ChunkPayload, newId } from '@millrace/contracts';
import { type Database, type VectorTable, vectorTableOfJob } from '@millrace/database';
import { dispatchColumns } from './dispatch';
import { leaseIsOver } from './leases';
import { finishSettling, type RetryPolicy, type RoundResult, type SettledRow } from './rounds';

/*
 * Leases on job chunks: pending | retry_scheduled -> processing, and back to pending when handed back.
 *
 * A claim takes any number of chunks in one statement and gives them one token. Whoever settles them names it, so a
 * worker that was too slow changes nothing. A lease that runs out settles as failed with WORKER_LOST, by whoever sees
 * it first: an embedder that got the chunk's delivery again, or the reconciler.
 */

export interface ClaimedChunk {
  id: string;
  jobId: string;
  documentId: string;
  collectionId: string;
  ownerId: string;
  chunkIndex: number;
  pageStart: number;
  pageEnd: number;
  payload: ChunkPayload;
  chunkHash: string;
  contentHash: string;
  attempts: number;
  /** Where its vector goes. */
  into: VectorTable;
}

export interface ChunkClaim {
  token: string;
  chunks: ClaimedChunk[];
}

/**
 * Claims those of the chunks that wait to be worked on; each claim is an attempt. Chunks that somebody else has, that
 * are settled, or that are gone are simply not in the answer.
 * @param token names the claim; give one of your own to be able to release a claim whose answer never came.
 * @param queueJobIds the deliveries that brought them. A chunk that is to be tried again at a certain time waits for
 *   that time or for its own delivery, and is not taken because an older delivery has come up late.
 */
export async function claimChunks(
  database: Database,
  chunkIds: readonly string[],
  worker: string,
  leaseMs: number,
  token = newId(),
  queueJobIds: readonly string[] = [],
): Promise<ChunkClaim> {
  const chunks = await database.sql.many<ClaimedChunk>(
    `WITH claimable AS (
       SELECT id FROM job_chunks
       WHERE id = ANY($<chunkIds>::uuid[]) AND (status = 'pending' OR (status = 'retry_scheduled'
         AND (coalesce(next_attempt_at, now()) <= now() OR queue_job_id = ANY($<queueJobIds>::text[]))))
       ORDER BY id FOR UPDATE SKIP LOCKED
     ), claimed AS (
       UPDATE job_chunks c SET status = 'processing', attempts = attempts + 1, worker = $<worker>,
         lease_token = $<token>, lease_expires_at = now() + $<leaseMs> * interval '1 millisecond',
         next_attempt_at = NULL, started_at = now(), updated_at = now()
       FROM claimable WHERE c.id = claimable.id
       RETURNING c.*
     ), resumed AS (
       UPDATE jobs SET status = 'processing', current_step = 'embedding', updated_at = now()
       WHERE status = 'retrying' AND id IN (SELECT job_id FROM claimed)
     )
     SELECT c.id, c.job_id AS "jobId", j.document_id AS "documentId", d.collection_id AS "collectionId",
            d.owner_id AS "ownerId", c.chunk_index AS "chunkIndex", c.page_start AS "pageStart",
            c.page_end AS "pageEnd", c.payload, c.chunk_hash AS "chunkHash", c.content_hash AS "contentHash", c.attempts,
            ${vectorTableOfJob} AS "into"
     FROM claimed c JOIN jobs j ON j.id = c.job_id JOIN documents d ON d.id = j.document_id
     ORDER BY c.id`,
    { chunkIds, worker, token, leaseMs, queueJobIds },
  );
  return { token, chunks };
}

/** Pushes the deadline of everything held under this token forward. @returns how many chunks are still held. */
export function renewChunkLeases(database: Database, token: string, leaseMs: number): Promise<number> {
  return database.sql.affected(
    `UPDATE job_chunks SET lease_expires_at = now() + $<leaseMs> * interval '1 millisecond', updated_at = now()
     WHERE lease_token = $<token> AND status = 'processing'`,
    { token, leaseMs },
  );
}

/**
 * processing -> pending without consuming an attempt, for those of the chunks still held under the token: the worker is
 * stopping, the provider wants to be left alone, or somebody else is embedding the same text. With `redeliver` the old
 * deliveries are given up. @returns the deliveries to make instead; none without `redeliver`, where the old ones come
 * again.
 */
export async function releaseChunks(
  database: Database,
  token: string,
  chunkIds: readonly string[],
  options: { redeliver: boolean },
): Promise<ChunkDispatch[]> {
  const released = await database.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'pending', attempts = c.attempts - 1, worker = NULL, lease_token = NULL,
       lease_expires_at = NULL, started_at = NULL, dispatch_count = c.dispatch_count + $<more>,
       queue_job_id = c.id || '.' || (c.dispatch_count + $<more>), updated_at = now()
     FROM jobs j JOIN documents d ON d.id = j.document_id
     WHERE c.id = ANY($<chunkIds>::uuid[]) AND j.id = c.job_id AND c.lease_token = $<token> AND c.status = 'processing'
     RETURNING ${dispatchColumns}, 0 AS "delayMs"`,
    { token, chunkIds, more: options.redeliver ? 1 : 0 },
  );
  return options.redeliver ? released : [];
}

/** Which leases to look at: those of certain chunks, or up to so many. */
export type LeaseSelection = { chunkIds: readonly string[] } | { limit: number };

/** processing -> failed with WORKER_LOST, for those chunks whose lease has run out. */
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
         lease_token = NULL, lease_expires_at = NULL, updated_at = now()
       FROM lost WHERE c.id = lost.id
       RETURNING c.id, c.job_id AS "jobId", c.status, c.attempts`,
      {
        chunkIds: 'chunkIds' in selection ? selection.chunkIds : null,
        limit: 'limit' in selection ? selection.limit : null,
      },
    );
    return { expired: lost.length, rounds: await finishSettling(session, lost, policy) };
  });
}

/**
 * Pulls in deadlines further away than any lease reaches: a clock was wrong when they were written. Whoever is still at
 * work renews in time; a lease whose holder is dead ends after `leaseMs`. @returns how many there were.
 */
export async function clampLeases(database: Database, options: { leaseMs: number; limit: number }): Promise<number> {
  const clamp = (table: string, status: string) =>
    database.sql.affected(
      `UPDATE ${table} SET lease_expires_at = now() + $<leaseMs> * interval '1 millisecond', updated_at = now()
       WHERE id IN (SELECT id FROM ${table} WHERE status = '${status}'
                      AND lease_expires_at > now() + 2 * $<leaseMs> * interval '1 millisecond'
                    LIMIT $<limit> FOR UPDATE SKIP LOCKED)`,
      options,
    );
  const chunks = await clamp('job_chunks', 'processing');
  const jobs = await clamp('jobs', 'chunking');
  const claims = await database.sql.affected(
    `UPDATE embedding_claims SET expires_at = now() + $<leaseMs> * interval '1 millisecond'
     WHERE ctid = ANY(ARRAY(
       SELECT ctid FROM embedding_claims WHERE expires_at > now() + 2 * $<leaseMs> * interval '1 millisecond'
       LIMIT $<limit> FOR UPDATE SKIP LOCKED))`,
    options,
  );
  return chunks + jobs + claims;
}
