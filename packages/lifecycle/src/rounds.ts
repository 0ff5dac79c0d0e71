import { type ChunkDispatch, errorCatalogue, type JobStatus } from '@millrace/contracts';
import type { Session } from '@millrace/database';
import { delayColumn, dispatchColumns } from './dispatch';
import { type Counters, counters, endJobs } from './endJobs';
import { nextDelivery, runningJob } from './sql';

/*
 * The second half of a job: processing <-> retrying, and its end.
 *
 * A round is one pass over a job's unfinished chunks. Every settling transaction ends with finishSettling. It locks the
 * jobs, in the order of their ids and after the chunks that it settles, so that two settlements never deadlock.
 * (Settled chunks belong to the transaction that holds their job.) It adds to the jobs' counters. It ends the round
 * when the counters say that no chunk of the round is left. The row lock makes that exactly one transaction. The end of
 * a round schedules the next one for the failed chunks whose code is retryable and that have attempts left. Without
 * such chunks it ends the job.
 */

export interface RetryPolicy {
  /**
   * The wait before a chunk's second attempt, in milliseconds. It doubles with each further attempt of that chunk and
   * varies by a random half either way. It does not depend on the round: a chunk that fails for the first time in a late
   * round waits briefly.
   */
  backoffMs: number;
}

const longestBackoffMs = 300_000;

/** The codes that are not retryable. */
const permanentCodes: readonly string[] = Object.entries(errorCatalogue)
  .filter(([, entry]) => !entry.retryable)
  .map(([code]) => code);

export interface SettledRow {
  id: string;
  jobId: string;
  status: 'success' | 'failed';
  attempts: number;
  maxRetries: number;
  /** Of a failure. */
  code: string | null;
  reason: string | null;
}

/** SQL: the columns of a SettledRow, from job chunk `c`. */
export const settledColumns = `c.id, c.job_id AS "jobId", c.status, c.attempts, c.max_retries AS "maxRetries",
  c.last_error_code AS code, c.last_error AS reason`;

/** Why a failed chunk is not tried again by itself: no attempt or round is left, or another attempt cannot help. */
export type GivenUp = 'exhausted' | 'permanent';

export interface SettledChunk extends SettledRow {
  /** Null for a success, and for a failure that the next round tries again. */
  givenUp: GivenUp | null;
}

/** The result of a settlement for one job. */
export interface RoundResult {
  jobId: string;
  documentId: string;
  status: JobStatus;
  /** The chunks that were settled. */
  settled: SettledChunk[];
  /** Deliveries of the next round, to be made after the commit. */
  retries: ChunkDispatch[];
}

/** Ends a settling transaction: records attempts, moves the jobs' counters, and ends rounds. */
export async function finishSettling(
  session: Session,
  rows: readonly SettledRow[],
  policy: RetryPolicy,
): Promise<RoundResult[]> {
  if (rows.length === 0) {
    return [];
  }
  // Only failures, and successes after a failure, are recorded as attempts.
  const eventful = rows.filter((row) => row.status === 'failed' || row.attempts > 1);
  if (eventful.length > 0) {
    await session.chunkAttempts.record(eventful.map((row) => row.id));
  }
  const jobs = await addToCounters(session, rows);
  const isOver = (job: Counters) => job.processedChunks + job.failedChunks >= job.totalChunks;
  const goOn = jobs
    .filter((job) => !isOver(job))
    .map(
      ({ id, documentId }): RoundResult => ({ jobId: id, documentId, status: 'processing', settled: [], retries: [] }),
    );
  const results = [...goOn, ...(await endRounds(session, jobs.filter(isOver), policy))];
  // The counters are those before the round ended, which the chunks were settled in.
  const rounds = new Map(jobs.map((job) => [job.id, job]));
  return results.map((result) => ({ ...result, settled: settledIn(rows, rounds.get(result.jobId)) }));
}

function settledIn(rows: readonly SettledRow[], job: Counters | undefined): SettledChunk[] {
  return rows
    .filter((row) => row.jobId === job?.id)
    .map((row) => ({ ...row, givenUp: job && row.status === 'failed' ? givenUpOf(row, job) : null }));
}

/** The same conditions as in scheduleRetries, for a chunk that has just failed. */
function givenUpOf({ code, attempts, maxRetries }: SettledRow, job: Counters): GivenUp | null {
  if (code !== null && permanentCodes.includes(code)) {
    return 'permanent';
  }
  return attempts >= maxRetries || job.retryCount >= job.maxRetries ? 'exhausted' : null;
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
     WHERE id = change.job_id AND status IN ${runningJob}
     RETURNING ${counters}`,
    {
      ids,
      processed: ids.map((id) => changes.get(id)?.processed ?? 0),
      failed: ids.map((id) => changes.get(id)?.failed ?? 0),
    },
  );
}

/** Ends the round of each job: schedules its next round, or ends the job. The caller holds the jobs' locks. */
export async function endRounds(
  session: Session,
  jobs: readonly Counters[],
  policy: RetryPolicy,
): Promise<RoundResult[]> {
  const retries = new Map<string, ChunkDispatch[]>();
  for (const job of jobs.filter((each) => each.failedChunks > 0)) {
    retries.set(job.id, await scheduleRetries(session, job, policy));
  }
  const ended = await endJobs(
    session,
    jobs.filter((job) => !retries.get(job.id)?.length),
  );
  return jobs.map((job) => ({
    jobId: job.id,
    documentId: job.documentId,
    status: ended.get(job.id) ?? 'retrying',
    settled: [],
    retries: retries.get(job.id) ?? [],
  }));
}

/** failed -> retry_scheduled for the chunks that may be tried again, and processing -> retrying for their job. */
async function scheduleRetries(session: Session, job: Counters, policy: RetryPolicy): Promise<ChunkDispatch[]> {
  const retries = await session.sql.many<ChunkDispatch>(
    `UPDATE job_chunks c SET status = 'retry_scheduled', ${nextDelivery('c')}, updated_at = now(),
       next_attempt_at = greatest(
         c.next_attempt_at,
         now() + least($<backoffMs> * 2 ^ (c.attempts - 1) * (0.5 + random()), $<longestBackoffMs>) * interval '1 millisecond')
     FROM jobs j
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
       WHERE id = $<jobId> AND status IN ${runningJob}`,
      { jobId: job.id, count: retries.length },
    );
  }
  return retries;
}
