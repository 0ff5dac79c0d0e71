import { type Actor, type ChunkDispatch, type JobDispatch, newId, type SkipReason } from '@millrace/contracts';
import type { Database, Session } from '@millrace/database';
import { endedUnread, isRestartable, restart, schedule, skipReasonOf } from './retrySteps';

/** The most chunks or jobs of one transaction, so that a bulk retry never locks more rows. */
const batchSize = 10_000;

/**
 * Selects failed chunks of all jobs, and ingest jobs that failed before they had chunks. All given conditions must hold. A
 * cancelled job is left alone.
 */
export interface BulkSelection {
  /** The collections that the principal may retry in, or undefined for all. */
  collectionIds?: readonly string[] | undefined;
  /** Collections that are left out. */
  exceptCollectionIds?: readonly string[] | undefined;
  documentId?: string | undefined;
  errorCodes?: readonly string[] | undefined;
  failedAfter?: Date | undefined;
  failedBefore?: Date | undefined;
  force: boolean;
}

export interface BulkCount {
  /** How many chunks, of how many jobs. */
  scheduled: number;
  jobs: number;
  /** Jobs that failed before they had chunks and whose documents are read again. */
  jobsRestarted: number;
  skipped: { reason: SkipReason; count: number }[];
}

const isInScope = `($<collectionIds>::uuid[] IS NULL OR j.collection_id = ANY($<collectionIds>::uuid[]))
  AND ($<exceptCollectionIds>::uuid[] IS NULL OR j.collection_id <> ALL($<exceptCollectionIds>::uuid[]))`;

const chunkCondition = `c.status = 'failed' AND j.status <> 'cancelled'
  AND ${isInScope}
  AND ($<documentId>::uuid IS NULL OR j.document_id = $<documentId>)
  AND ($<errorCodes>::text[] IS NULL OR c.last_error_code = ANY($<errorCodes>::text[]))
  AND ($<failedAfter>::timestamptz IS NULL OR c.updated_at >= $<failedAfter>)
  AND ($<failedBefore>::timestamptz IS NULL OR c.updated_at < $<failedBefore>)`;

/** Failed jobs without chunks. Those without an original cannot be restarted. */
const jobCondition = `j.status = 'failed' AND ${endedUnread}
  AND ${isInScope}
  AND ($<documentId>::uuid IS NULL OR j.document_id = $<documentId>)
  AND ($<errorCodes>::text[] IS NULL OR j.error_code = ANY($<errorCodes>::text[]))
  AND ($<failedAfter>::timestamptz IS NULL OR j.finished_at >= $<failedAfter>)
  AND ($<failedBefore>::timestamptz IS NULL OR j.finished_at < $<failedBefore>)`;

const chunkTables = 'job_chunks c JOIN jobs j ON j.id = c.job_id';

function bulkValues(selection: BulkSelection) {
  const {
    collectionIds = null,
    exceptCollectionIds = null,
    documentId = null,
    errorCodes = null,
    failedAfter = null,
    failedBefore = null,
  } = selection;
  return {
    collectionIds,
    exceptCollectionIds,
    documentId,
    errorCodes,
    failedAfter,
    failedBefore,
    force: selection.force,
  };
}

/** Counts what `retryMany` would do. */
export async function countRetries(database: Database, selection: BulkSelection): Promise<BulkCount> {
  const rows = await database.sql.many<{ reason: SkipReason | null; count: number; jobs: number }>(
    `SELECT reason, count(*)::integer AS count, count(DISTINCT job_id)::integer AS jobs
     FROM (SELECT c.job_id, ${skipReasonOf} AS reason FROM ${chunkTables} WHERE ${chunkCondition}) AS looked
     GROUP BY reason`,
    bulkValues(selection),
  );
  const unread = await database.sql.one<{ restartable: number; lost: number }>(
    `SELECT (count(*) FILTER (WHERE ${isRestartable}))::integer AS restartable,
       (count(*) FILTER (WHERE NOT ${isRestartable}))::integer AS lost
     FROM jobs j JOIN documents d ON d.id = j.document_id WHERE ${jobCondition}`,
    bulkValues(selection),
  );
  const eligible = rows.find((row) => row.reason === null);
  return {
    scheduled: eligible?.count ?? 0,
    jobs: eligible?.jobs ?? 0,
    jobsRestarted: unread.restartable,
    skipped: [
      ...rows.flatMap((row) => (row.reason ? [{ reason: row.reason, count: row.count }] : [])),
      ...(unread.lost > 0 ? [{ reason: 'original_removed' as const, count: unread.lost }] : []),
    ],
  };
}

/** The deliveries to make after a commit. */
export interface RetryDeliveries {
  chunks: ChunkDispatch[];
  jobs: JobDispatch[];
}

export interface BulkRetry {
  /** What the retry group records of the request. */
  request: Record<string, unknown>;
  actor: Actor;
  deliver: (deliveries: RetryDeliveries) => Promise<void>;
}

/**
 * Retries everything that is selected, one transaction for each batch. A chunk that fails again in the meantime is not
 * retried twice. `deliver` gets each batch's deliveries after its commit.
 * @returns the group's id, or null when nothing was retried, and the counts.
 */
export async function retryMany(
  database: Database,
  selection: BulkSelection,
  { request, actor, deliver }: BulkRetry,
): Promise<BulkCount & { groupId: string | null }> {
  const { before } = await database.sql.one<{ before: Date }>('SELECT now() AS before');
  const failedBefore = selection.failedBefore && selection.failedBefore < before ? selection.failedBefore : before;
  const bounded = { ...selection, failedBefore };
  const { skipped } = await countRetries(database, selection);
  const groupId = newId();
  const jobs = new Set<string>();
  let scheduled = 0;
  let jobsRestarted = 0;
  const ensureGroup = async (session: Session) => {
    if (scheduled + jobsRestarted === 0) {
      await session.retryGroups.insert({ id: groupId, request, force: selection.force, userId: actor.userId ?? null });
      const { documentId } = selection;
      await session.actions.record({ id: groupId, kind: 'retry', actor, ...(documentId ? { documentId } : {}) });
    }
  };
  for (let more = true; more; ) {
    const batch = await restartBatch(database, bounded, groupId, ensureGroup);
    jobsRestarted += batch.jobs.length;
    await deliver({ chunks: [], jobs: batch.jobs });
    more = batch.more;
  }
  for (let more = true; more; ) {
    const batch = await scheduleBatch(database, bounded, groupId, ensureGroup);
    scheduled += batch.chunks.length;
    for (const { jobId } of batch.chunks) {
      jobs.add(jobId);
    }
    await deliver({ chunks: batch.chunks, jobs: [] });
    more = batch.more;
  }
  const isEmpty = scheduled + jobsRestarted === 0;
  return { groupId: isEmpty ? null : groupId, scheduled, jobs: jobs.size, jobsRestarted, skipped };
}

/** Locks jobs by id, as every transition does. A job that another transaction has restarted no longer matches. */
async function restartBatch(
  database: Database,
  selection: BulkSelection,
  groupId: string,
  ensureGroup: (session: Session) => Promise<void>,
): Promise<{ jobs: JobDispatch[]; more: boolean }> {
  return database.transaction(async (session) => {
    const found = await session.sql.many<{ id: string }>(
      `SELECT j.id FROM jobs j JOIN documents d ON d.id = j.document_id WHERE ${jobCondition} AND ${isRestartable}
       ORDER BY j.id LIMIT $<limit> FOR UPDATE OF j`,
      { ...bulkValues(selection), limit: batchSize },
    );
    if (found.length > 0) {
      await ensureGroup(session);
    }
    const jobs = await restart(
      session,
      found.map((job) => job.id),
      groupId,
    );
    return { jobs, more: found.length === batchSize };
  });
}

async function scheduleBatch(
  database: Database,
  selection: BulkSelection,
  groupId: string,
  ensureGroup: (session: Session) => Promise<void>,
): Promise<{ chunks: ChunkDispatch[]; more: boolean }> {
  const values = bulkValues(selection);
  const found = await database.sql.many<{ id: string; jobId: string }>(
    `SELECT c.id, c.job_id AS "jobId" FROM ${chunkTables} WHERE ${chunkCondition} AND ${skipReasonOf} IS NULL
     ORDER BY c.id LIMIT $<limit>`,
    { ...values, limit: batchSize },
  );
  const chunks = await database.transaction(async (session) => {
    const jobIds = [...new Set(found.map((chunk) => chunk.jobId))].sort();
    await session.sql.many('SELECT FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE', [jobIds]);
    // Checked again, with the jobs locked: one may have been cancelled or retried in the meantime.
    const rows = await session.sql.many<{ id: string }>(
      `SELECT c.id FROM ${chunkTables}
       WHERE c.id = ANY($<ids>::uuid[]) AND ${chunkCondition} AND ${skipReasonOf} IS NULL`,
      { ...values, ids: found.map((chunk) => chunk.id) },
    );
    if (rows.length > 0) {
      await ensureGroup(session);
    }
    return schedule(
      session,
      rows.map((row) => row.id),
      groupId,
    );
  });
  return { chunks, more: found.length === batchSize };
}
