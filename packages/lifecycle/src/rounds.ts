import {
  type ChunkDispatch,
  type DocumentRepair,
  errorCatalogue,
  type JobKind,
  type JobStatus,
  mayLackPages,
} from '@millrace/contracts';
import type { Session } from '@millrace/database';
import { delayColumn, dispatchColumns } from './dispatch';

/*
 * The second half of a job: processing <-> retrying, and its end.
 *
 * A round is one pass over a job's unfinished chunks. Every settling transaction ends with finishSettling: it locks the
 * jobs (always in the order of their ids, after the chunks it settles, so that two settlements never wait for each other
 * in a circle; settled chunks belong to whoever holds their job), adds to their counters, and where the counters say that
 * no chunk of the round is left, ends the round. The row lock makes that exactly one transaction. Ending a round either
 * schedules the next one, for the failed chunks whose code is worth another try and that have attempts left, or ends the
 * job and its document.
 */

export interface RetryPolicy {
  /**
   * The wait before a chunk's second attempt; it doubles with each further one of that chunk, and is spread by a random
   * half either way. By the chunk and not by the round: one that fails for the first time in a late round waits briefly.
   */
  backoffMs: number;
}

const longestBackoffMs = 300_000;

/** Codes that no second try can help. */
const permanentCodes = Object.entries(errorCatalogue)
  .filter(([, entry]) => !entry.retryable)
  .map(([code]) => code);

export interface SettledRow {
  id: string;
  jobId: string;
  status: 'success' | 'failed';
  attempts: number;
}

/** What a settlement meant for one job. */
export interface RoundResult {
  jobId: string;
  documentId: string;
  status: JobStatus;
  /** Deliveries of the next round, to be made after the commit. */
  retries: ChunkDispatch[];
}

export interface Counters {
  id: string;
  documentId: string;
  totalChunks: number;
  processedChunks: number;
  failedChunks: number;
}

/** SQL: a job's Counters. */
export const counters = `id, document_id AS "documentId", total_chunks AS "totalChunks",
  processed_chunks AS "processedChunks", failed_chunks AS "failedChunks"`;

/** The end of every settling transaction: attempts written down, counters moved, rounds ended. */
export async function finishSettling(
  session: Session,
  rows: readonly SettledRow[],
  policy: RetryPolicy,
): Promise<RoundResult[]> {
  if (rows.length === 0) {
    return [];
  }
  // A chunk that succeeds at once leaves no attempt behind; only failures, and successes after them, do.
  const eventful = rows.filter((row) => row.status === 'failed' || row.attempts > 1);
  if (eventful.length > 0) {
    await session.chunkAttempts.record(eventful.map((row) => row.id));
  }
  const results: RoundResult[] = [];
  for (const job of await addToCounters(session, rows)) {
    const roundIsOver = job.processedChunks + job.failedChunks >= job.totalChunks;
    results.push(
      roundIsOver
        ? await endRound(session, job, policy)
        : { jobId: job.id, documentId: job.documentId, status: 'processing', retries: [] },
    );
  }
  return results;
}

async function addToCounters(session: Session, rows: readonly SettledRow[]): Promise<Counters[]> {
  const changes = new Map<string, { processed: number; failed: number }>();
  for (const row of rows) {
    const change = changes.get(row.jobId) ?? { processed: 0, failed: 0 };
    change[row.status === 'success' ? 'processed' : 'failed'] += 1;
    changes.set(row.jobId, change);
  }
  const ids = [...changes.keys()].sort();
  await session.sql.many('SELECT FROM jobs WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE', [ids]);
  return session.sql.many<Counters>(
    `UPDATE jobs SET processed_chunks = processed_chunks + change.processed,
       failed_chunks = failed_chunks + change.failed, updated_at = now()
     FROM unnest($<ids>::uuid[], $<processed>::integer[], $<failed>::integer[]) AS change (job_id, processed, failed)
     WHERE id = change.job_id AND status IN ('processing', 'retrying')
     RETURNING ${counters}`,
    {
      ids,
      processed: ids.map((id) => changes.get(id)?.processed ?? 0),
      failed: ids.map((id) => changes.get(id)?.failed ?? 0),
    },
  );
}

/** The round is over: the next one is scheduled, or the job ends. Its row is locked by the caller. */
export async function endRound(session: Session, job: Counters, policy: RetryPolicy): Promise<RoundResult> {
  const retries = job.failedChunks > 0 ? await scheduleRetries(session, job, policy) : [];
  const status = retries.length > 0 ? 'retrying' : await endJob(session, job);
  return { jobId: job.id, documentId: job.documentId, status, retries };
}

/** failed -> retry_scheduled for the chunks worth another try, and processing -> retrying for their job. */
async function scheduleRetries(session: Session, job: Counters, policy: RetryPolicy): Promise<ChunkDispatch[]> {
  const retries = await session.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'retry_scheduled', dispatch_count = c.dispatch_count + 1,
       queue_job_id = c.id || '.' || (c.dispatch_count + 1), updated_at = now(),
       next_attempt_at = greatest(
         c.next_attempt_at,
         now() + least($<backoffMs> * 2 ^ (c.attempts - 1) * (0.5 + random()), $<longestBackoffMs>) * interval '1 millisecond')
     FROM jobs j JOIN documents d ON d.id = j.document_id
     WHERE j.id = $<jobId> AND c.job_id = j.id AND c.status = 'failed' AND j.retry_count < j.max_retries
       AND c.attempts < c.max_retries AND c.last_error_code <> ALL ($<permanentCodes>::text[])
       AND c.payload IS NOT NULL
     RETURNING ${dispatchColumns}, ${delayColumn}`,
    { jobId: job.id, backoffMs: policy.backoffMs, longestBackoffMs, permanentCodes },
  );
  if (retries.length > 0) {
    await session.sql.none(
      `UPDATE jobs SET status = 'retrying', retry_count = retry_count + 1, failed_chunks = failed_chunks - $<count>,
         current_step = 'waiting to retry ' || $<count> || ' failed chunks', updated_at = now()
       WHERE id = $<jobId> AND status IN ('processing', 'retrying')`,
      { jobId: job.id, count: retries.length },
    );
  }
  return retries;
}

/**
 * processing -> completed | completed_with_errors | failed, and the document to ready | partial | failed: a job that makes
 * further vectors of what is stored leaves its document as it is.
 * @param rereading why failed pages could not be read again, where that was tried
 */
export async function endJob(
  session: Session,
  job: Counters,
  rereading: { code: string; message: string } | null = null,
): Promise<JobStatus> {
  const { kind, repair } = await session.sql.one<{ kind: JobKind; repair: DocumentRepair | null }>(
    'SELECT j.kind, d.repair FROM jobs j JOIN documents d ON d.id = j.document_id WHERE j.id = $1',
    [job.id],
  );
  const pages =
    kind === 'ingest' ? await missingPages(session, job.documentId, repair) : { failed: 0, code: null, lost: false };
  const complete = job.failedChunks === 0 && pages.failed === 0 && !pages.lost;
  const [jobStatus, documentStatus] = complete
    ? (['completed', 'ready'] as const)
    : job.processedChunks > 0
      ? (['completed_with_errors', 'partial'] as const)
      : (['failed', 'failed'] as const);
  const cause = complete ? null : await describeFailure(session, job, pages, rereading);
  await session.sql.none(
    `UPDATE jobs SET status = $<jobStatus>, current_step = $<jobStatus>, error_code = $<code>, error = $<message>,
       finished_at = now(), updated_at = now()
     WHERE id = $<jobId> AND status IN ('processing', 'retrying')`,
    { jobId: job.id, jobStatus, code: cause?.code ?? null, message: cause?.message ?? null },
  );
  if (kind !== 'ingest') {
    return jobStatus;
  }
  await session.sql.none(
    `UPDATE documents SET status = $<documentStatus>, error_code = $<code>, error = $<message>, updated_at = now()
     WHERE id = $<documentId> AND status = 'processing'`,
    { documentId: job.documentId, documentStatus, code: cause?.code ?? null, message: cause?.message ?? null },
  );
  return jobStatus;
}

interface MissingPages {
  failed: number;
  /** The code that most of them share. */
  code: string | null;
  lost: boolean;
}

async function missingPages(
  session: Session,
  documentId: string,
  repair: DocumentRepair | null,
): Promise<MissingPages> {
  const { count, code } = await session.documentPages.failures(documentId);
  return { failed: count, code, lost: mayLackPages(repair) };
}

/** The code that most of the failed chunks share, or else of the failed pages, in words that count what is missing. */
async function describeFailure(
  session: Session,
  job: Counters,
  pages: MissingPages,
  rereading: { code: string; message: string } | null,
): Promise<{ code: string; message: string }> {
  const commonest = await session.sql.oneOrNone<{ code: string; message: string }>(
    `SELECT last_error_code AS code, min(last_error) AS message FROM job_chunks
     WHERE job_id = $1 AND status = 'failed' GROUP BY last_error_code ORDER BY count(*) DESC, last_error_code LIMIT 1`,
    [job.id],
  );
  const missing = [
    ...(job.failedChunks > 0 ? [`${job.failedChunks} of ${job.totalChunks} chunks failed`] : []),
    ...(pages.lost ? ['pages of the PDF may be missing'] : []),
    ...(pages.failed > 0 ? [`${pages.failed} pages could not be read`] : []),
  ].join(', ');
  if (rereading) {
    return { code: rereading.code, message: `${missing}, nor again: ${rereading.message}` };
  }
  return commonest
    ? { code: commonest.code, message: `${missing}: ${commonest.message}` }
    : { code: pages.code ?? 'PDF_PAGES_LOST', message: missing };
}
