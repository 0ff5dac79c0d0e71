import type { ChunkDispatch } from '@millrace/contracts';
import { type ChunkPayload, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { finishSettling, type RetryPolicy, type RoundResult, type SettledRow } from './rounds';

/*
 * Leases on job chunks: pending | retry_scheduled -> processing, and back to pending when handed back.
 *
 * A claim takes any number of chunks in one statement and gives them one token. Whoever settles them names it, so a
 * worker that was too slow changes nothing. A lease that runs out settles as failed with WORKER_LOST.
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
}

export interface ChunkClaim {
  token: string;
  chunks: ClaimedChunk[];
}

/**
 * Claims those of the chunks that wait to be worked on; each claim is an attempt. Chunks that somebody else has, that
 * are settled, or that are gone are simply not in the answer.
 */
export async function claimChunks(
  database: Database,
  chunkIds: readonly string[],
  worker: string,
  leaseMs: number,
): Promise<ChunkClaim> {
  const token = newId();
  const chunks = await database.sql.many<ClaimedChunk>(
    `WITH claimable AS (
       SELECT id FROM job_chunks
       WHERE id = ANY($<chunkIds>::uuid[]) AND status IN ('pending', 'retry_scheduled')
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
            c.page_end AS "pageEnd", c.payload, c.chunk_hash AS "chunkHash", c.content_hash AS "contentHash", c.attempts
     FROM claimed c JOIN jobs j ON j.id = c.job_id JOIN documents d ON d.id = j.document_id
     ORDER BY c.id`,
    { chunkIds, worker, token, leaseMs },
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

/** processing -> pending without consuming an attempt: the worker is stopping. @returns the deliveries to make. */
export function releaseChunks(database: Database, token: string): Promise<ChunkDispatch[]> {
  return database.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'pending', attempts = c.attempts - 1, worker = NULL, lease_token = NULL,
       lease_expires_at = NULL, started_at = NULL, dispatch_count = c.dispatch_count + 1,
       queue_job_id = c.id || '.' || (c.dispatch_count + 1), updated_at = now()
     FROM jobs j WHERE j.id = c.job_id AND c.lease_token = $1 AND c.status = 'processing'
     RETURNING c.id AS "chunkId", c.job_id AS "jobId", j.document_id AS "documentId",
               c.chunk_index AS "chunkIndex", c.queue_job_id AS "queueJobId", 0 AS "delayMs"`,
    [token],
  );
}

/** processing -> failed with WORKER_LOST, for those of the chunks whose lease has run out. */
export function expireLeases(
  database: Database,
  chunkIds: readonly string[],
  policy: RetryPolicy,
): Promise<RoundResult[]> {
  return database.transaction(async (session) => {
    const lost = await session.sql.many<SettledRow>(
      `UPDATE job_chunks SET status = 'failed', last_error_code = 'WORKER_LOST',
         last_error = 'The worker ' || worker || ' did not settle the chunk in time',
         lease_token = NULL, lease_expires_at = NULL, updated_at = now()
       WHERE id = ANY($1::uuid[]) AND status = 'processing' AND lease_expires_at < now()
       RETURNING id, job_id AS "jobId", status, attempts`,
      [chunkIds],
    );
    return finishSettling(session, lost, policy);
  });
}
