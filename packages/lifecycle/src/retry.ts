import { type Actor, type ChunkDispatch, type JobDispatch, newId, type SkipReason } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { isRestartable, restart, schedule, skipReasonOf } from './retrySteps';

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

/** Retries chunks of one job. @returns null when there is no such job. */
export function retryJob(
  database: Database,
  jobId: string,
  request: RetryRequest,
  actor: Actor,
): Promise<Retried | null> {
  return database.transaction(async (session) => {
    const { chunkIds = null, errorCodes = null, force } = request;
    const job = await session.sql.oneOrNone<{ restartable: boolean }>(
      `SELECT ${isRestartable}
         AND ($<errorCodes>::text[] IS NULL OR j.error_code = ANY($<errorCodes>::text[])) IS TRUE AS restartable
       FROM jobs j JOIN documents d ON d.id = j.document_id WHERE j.id = $<jobId> FOR UPDATE OF j`,
      { jobId, errorCodes },
    );
    if (!job) {
      return null;
    }
    const looked = await session.sql.many<{ id: string; reason: SkipReason | null }>(
      `SELECT c.id, ${skipReasonOf} AS reason FROM job_chunks c JOIN jobs j ON j.id = c.job_id
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
    const restartable = job.restartable && !chunkIds;
    if (eligible.length === 0 && !restartable) {
      return { groupId: null, chunks: [], job: null, skipped };
    }
    const groupId = newId();
    await session.retryGroups.insert({
      id: groupId,
      request: { job_id: jobId, ...described(request) },
      force,
      userId: actor.userId ?? null,
    });
    await session.actions.record({ id: groupId, kind: 'retry', actor, jobId });
    const chunks = await schedule(session, eligible, groupId);
    const [restarted = null] = restartable ? await restart(session, [jobId], groupId) : [];
    return { groupId, chunks, job: restarted, skipped };
  });
}

function described({ chunkIds, errorCodes }: RetryRequest) {
  return { ...(chunkIds ? { chunk_ids: chunkIds } : {}), ...(errorCodes ? { error_codes: errorCodes } : {}) };
}
