import { type ChunkDispatch, type JobDispatch, newId, type SkipReason } from '@millrace/contracts';
import type { Database, Session } from '@millrace/database';
import { dispatchColumns } from './dispatch';

/*
 * What an operator asks for: failed | cancelled -> retry_scheduled, whatever the code, and the job goes on. It is a round
 * of its own, beside those the job may begin by itself. A success is never touched. `force` gives chunks that have used
 * up their attempts one more. Of a job that was cancelled, the chunks that are not retried become failed with CANCELLED:
 * the job will end, and each of its chunks must count as something. The jobs are locked first, by id, as where a round
 * ends: settled chunks belong to whoever holds their job.
 */

/** Chunks are scheduled in transactions of this many, so that a bulk retry never holds more rows than that. */
const batchSize = 10_000;

export interface RetryRequest {
  /** Only these; undefined: all that are failed or cancelled. */
  chunkIds?: readonly string[] | undefined;
  errorCodes?: readonly string[] | undefined;
  force: boolean;
}

export interface SkippedChunk {
  id: string;
  reason: SkipReason;
}

export interface Retried {
  /** Null when nothing was scheduled. */
  groupId: string | null;
  chunks: ChunkDispatch[];
  /** The job itself, where it had ended before it had chunks and its document is read again. */
  job: JobDispatch | null;
  skipped: SkippedChunk[];
}

/** SQL: why chunk `c` is not scheduled, or null when it is. Asks for `force` and `errorCodes`. */
const reason = `CASE
  WHEN c.status = 'success' THEN 'succeeded'
  WHEN c.status IN ('pending', 'processing', 'retry_scheduled') THEN 'in_progress'
  WHEN $<errorCodes>::text[] IS NOT NULL AND (c.last_error_code = ANY($<errorCodes>::text[])) IS NOT TRUE
    THEN 'other_error_code'
  WHEN c.payload IS NULL THEN 'payload_expired'
  WHEN c.attempts >= c.max_retries AND NOT $<force> THEN 'attempts_exhausted'
END`;

/** Retries chunks of one job. @returns null when there is no such job. */
export function retryJob(database: Database, jobId: string, request: RetryRequest): Promise<Retried | null> {
  return database.transaction(async (session) => {
    const { chunkIds = null, errorCodes = null, force } = request;
    const job = await session.sql.oneOrNone<{ total_chunks: number | null }>(
      'SELECT total_chunks FROM jobs WHERE id = $1 FOR UPDATE',
      [jobId],
    );
    if (!job) {
      return null;
    }
    const looked = await session.sql.many<{ id: string; reason: SkipReason | null }>(
      `SELECT c.id, ${reason} AS reason FROM job_chunks c
       WHERE c.job_id = $<jobId> AND ($<chunkIds> IS NULL OR c.id = ANY($<chunkIds>::uuid[]))
         AND ($<chunkIds> IS NOT NULL OR (c.status IN ('failed', 'cancelled')
              AND ($<errorCodes>::text[] IS NULL OR c.last_error_code = ANY($<errorCodes>::text[]))))
       ORDER BY c.id`,
      { jobId, chunkIds, errorCodes, force },
    );
    const known = new Set(looked.map((chunk) => chunk.id));
    const skipped: SkippedChunk[] = [
      ...looked.flatMap(({ id, reason: why }) => (why ? [{ id, reason: why }] : [])),
      ...[...new Set(chunkIds ?? [])]
        .filter((id) => !known.has(id))
        .map((id) => ({ id, reason: 'not_found' as const })),
    ];
    const eligible = looked.filter((chunk) => chunk.reason === null).map((chunk) => chunk.id);
    const restarted = job.total_chunks === null && !chunkIds ? await restartJob(session, jobId, errorCodes) : null;
    if (eligible.length === 0 && !restarted) {
      return { groupId: null, chunks: [], job: null, skipped };
    }
    const groupId = newId();
    await session.retryGroups.insert({ id: groupId, request: { job_id: jobId, ...described(request) }, force });
    const chunks = await schedule(session, eligible, groupId);
    return { groupId, chunks, job: restarted, skipped };
  });
}

function described({ chunkIds, errorCodes }: RetryRequest) {
  return { ...(chunkIds ? { chunk_ids: chunkIds } : {}), ...(errorCodes ? { error_codes: errorCodes } : {}) };
}

/** failed | cancelled -> queued for a job that has no chunks yet and whose original is still there. */
async function restartJob(
  session: Session,
  jobId: string,
  errorCodes: readonly string[] | null,
): Promise<JobDispatch | null> {
  const restarted = await session.sql.oneOrNone<JobDispatch>(
    `UPDATE jobs j SET status = 'queued', current_step = 'waiting for a chunker', attempts = 0, error_code = NULL,
       error = NULL, finished_at = NULL, retry_count = j.retry_count + 1, max_retries = j.max_retries + 1, dispatch_count = j.dispatch_count + 1,
       queue_job_id = j.id || '.' || (j.dispatch_count + 1), updated_at = now()
     FROM documents d
     WHERE j.id = $<jobId> AND d.id = j.document_id AND d.source_path IS NOT NULL AND j.status IN ('failed', 'cancelled')
       AND j.total_chunks IS NULL
       AND ($<errorCodes>::text[] IS NULL OR j.error_code = ANY($<errorCodes>::text[]))
     RETURNING j.id AS "jobId", j.document_id AS "documentId", j.queue_job_id AS "queueJobId", 0 AS "delayMs"`,
    { jobId, errorCodes },
  );
  if (restarted) {
    await session.sql.none(
      `UPDATE documents SET status = 'queued', error_code = NULL, error = NULL, updated_at = now()
       WHERE id = $1 AND status IN ('failed', 'cancelled')`,
      [restarted.documentId],
    );
  }
  return restarted;
}

/** failed | cancelled -> retry_scheduled for chunks whose jobs are locked; the jobs and their documents go on. */
async function schedule(session: Session, chunkIds: readonly string[], groupId: string): Promise<ChunkDispatch[]> {
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
     WHERE id IN (SELECT document_id FROM jobs WHERE id = ANY($1::uuid[]))
       AND status IN ('ready', 'partial', 'failed', 'cancelled')`,
    [jobIds],
  );
  await session.retryGroups.addScheduled(groupId, dispatches.length);
  return dispatches;
}

/** cancelled -> failed for the jobs' chunks that are not retried. @returns how many there were in which job. */
async function failWhatStaysCancelled(
  session: Session,
  jobIds: readonly string[],
  retried: readonly string[],
): Promise<Map<string, number>> {
  const rows = await session.sql.many<{ job_id: string; count: number }>(
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
     SELECT job_id, count(*)::integer AS count FROM failed GROUP BY job_id`,
    { jobIds, retried },
  );
  return new Map(rows.map((row) => [row.job_id, row.count]));
}

/** Which failed chunks of all jobs; every condition given holds. A cancelled job is left alone. */
export interface BulkSelection {
  collectionId?: string | undefined;
  documentId?: string | undefined;
  errorCodes?: readonly string[] | undefined;
  failedAfter?: Date | undefined;
  failedBefore?: Date | undefined;
  force: boolean;
}

export interface BulkCount {
  scheduled: number;
  jobs: number;
  skipped: { reason: SkipReason; count: number }[];
}

const bulkCondition = `c.status = 'failed' AND j.status <> 'cancelled'
  AND ($<collectionId>::uuid IS NULL OR d.collection_id = $<collectionId>)
  AND ($<documentId>::uuid IS NULL OR j.document_id = $<documentId>)
  AND ($<errorCodes>::text[] IS NULL OR c.last_error_code = ANY($<errorCodes>::text[]))
  AND ($<failedAfter>::timestamptz IS NULL OR c.updated_at >= $<failedAfter>)
  AND ($<failedBefore>::timestamptz IS NULL OR c.updated_at < $<failedBefore>)`;

const bulkTables = 'job_chunks c JOIN jobs j ON j.id = c.job_id JOIN documents d ON d.id = j.document_id';

function bulkValues(selection: BulkSelection) {
  const {
    collectionId = null,
    documentId = null,
    errorCodes = null,
    failedAfter = null,
    failedBefore = null,
  } = selection;
  return { collectionId, documentId, errorCodes, failedAfter, failedBefore, force: selection.force };
}

function describedBulk({ collectionId, documentId, errorCodes, failedAfter, failedBefore }: BulkSelection) {
  // What is undefined is left out on the way to JSON.
  return {
    collection_id: collectionId,
    document_id: documentId,
    error_codes: errorCodes,
    failed_after: failedAfter,
    failed_before: failedBefore,
  };
}

/** What `retryMany` would do. */
export async function countRetries(database: Database, selection: BulkSelection): Promise<BulkCount> {
  const rows = await database.sql.many<{ reason: SkipReason | null; count: number; jobs: number }>(
    `SELECT reason, count(*)::integer AS count, count(DISTINCT job_id)::integer AS jobs
     FROM (SELECT c.job_id, ${reason} AS reason FROM ${bulkTables} WHERE ${bulkCondition}) AS looked GROUP BY reason`,
    bulkValues(selection),
  );
  const eligible = rows.find((row) => row.reason === null);
  return {
    scheduled: eligible?.count ?? 0,
    jobs: eligible?.jobs ?? 0,
    skipped: rows.flatMap((row) => (row.reason ? [{ reason: row.reason, count: row.count }] : [])),
  };
}

/**
 * Retries the failed chunks of all jobs that fit, in batches of their own transactions; what fails again meanwhile is
 * not taken a second time. `deliver` gets each batch's deliveries after its commit.
 * @returns the group's id, or null when nothing was scheduled, and the counts.
 */
export async function retryMany(
  database: Database,
  selection: BulkSelection,
  deliver: (dispatches: ChunkDispatch[]) => Promise<void>,
): Promise<BulkCount & { groupId: string | null }> {
  const { before } = await database.sql.one<{ before: Date }>('SELECT now() AS before');
  const failedBefore = selection.failedBefore && selection.failedBefore < before ? selection.failedBefore : before;
  const { skipped } = await countRetries(database, selection);
  const values = bulkValues({ ...selection, failedBefore });
  const groupId = newId();
  const jobs = new Set<string>();
  let scheduled = 0;
  for (;;) {
    const found = await database.sql.many<{ id: string; job_id: string }>(
      `SELECT c.id, c.job_id FROM ${bulkTables} WHERE ${bulkCondition} AND ${reason} IS NULL ORDER BY c.id LIMIT $<limit>`,
      { ...values, limit: batchSize },
    );
    const batch = await database.transaction(async (session) => {
      const jobIds = [...new Set(found.map((chunk) => chunk.job_id))].sort();
      await session.sql.many('SELECT FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE', [jobIds]);
      // With the jobs locked, those that still fit: one may have been cancelled or retried meanwhile.
      const rows = await session.sql.many<{ id: string }>(
        `SELECT c.id FROM ${bulkTables} WHERE c.id = ANY($<ids>::uuid[]) AND ${bulkCondition} AND ${reason} IS NULL`,
        { ...values, ids: found.map((chunk) => chunk.id) },
      );
      if (rows.length > 0 && scheduled === 0) {
        await session.retryGroups.insert({ id: groupId, request: describedBulk(selection), force: selection.force });
      }
      return schedule(
        session,
        rows.map((row) => row.id),
        groupId,
      );
    });
    scheduled += batch.length;
    for (const { jobId } of batch) {
      jobs.add(jobId);
    }
    await deliver(batch);
    if (found.length < batchSize) {
      return { groupId: scheduled > 0 ? groupId : null, scheduled, jobs: jobs.size, skipped };
    }
  }
}
