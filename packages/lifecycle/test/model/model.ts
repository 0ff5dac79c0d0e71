import { type ErrorCode, errorCatalogue } from '@millrace/contracts';
import type { ChunkState, JobState } from './state';

/*
 * The lifecycle without database, time or anybody else: what each transition must make of the rows, and answer.
 * Written from its description, one job and one chunk after the other, where the real one works in sets. This file
 * holds the state and what several transitions share; the transitions themselves stand beside their commands.
 */

/** All jobs there are, in the order of their ids. */
export class Model {
  readonly jobs: JobState[] = [];

  job(id: string): JobState | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  /** Those of the chunks that exist, in the order of their ids. */
  chunks(ids: readonly string[]): ChunkState[] {
    return this.allChunks().filter((chunk) => ids.includes(chunk.id));
  }

  allChunks(): ChunkState[] {
    return this.jobs.flatMap((job) => job.chunks).sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

export interface JobLimits {
  jobMaxRetries: number;
  chunkMaxRetries: number;
}

/** What a settlement must answer about a job; see `roundsOf` in command.ts. */
export interface ModelRound {
  jobId: string;
  status: string;
  retries: string[];
}

export const isOpen = (chunk: ChunkState) => ['pending', 'processing', 'retry_scheduled'].includes(chunk.status);
export const waits = (chunk: ChunkState) => chunk.status === 'pending' || chunk.status === 'retry_scheduled';
export const isHeld = (chunk: ChunkState, token: string) => chunk.status === 'processing' && chunk.token === token;
export const deliveryOf = (row: { id: string; dispatches: number }) => `${row.id}.${row.dispatches}`;

export function endLease(row: { token: string | null; leaseIsOver: boolean }): void {
  row.token = null;
  row.leaseIsOver = false;
}

/** A job as it is accepted. */
export function newJobState(id: string, documentId: string, limits: JobLimits): JobState {
  return {
    id,
    documentId,
    status: 'queued',
    documentStatus: 'queued',
    total: null,
    processed: 0,
    failed: 0,
    rounds: 0,
    maxRounds: limits.jobMaxRetries,
    chunkMaxRetries: limits.chunkMaxRetries,
    attempts: 0,
    dispatches: 1,
    errorCode: null,
    token: null,
    leaseIsOver: false,
    hasOriginal: true,
    failedPages: 0,
    stored: 0,
    chunks: [],
  };
}

/** chunking -> processing, with these chunks, after those it has. */
export function storeInModel(job: JobState, chunkIds: readonly string[]): void {
  endLease(job);
  const total = (job.total ?? 0) + chunkIds.length;
  Object.assign(job, { status: 'processing', errorCode: null, total } satisfies Partial<JobState>);
  const chunks = chunkIds.map((id) => ({
    id,
    jobId: job.id,
    status: 'pending' as const,
    attempts: 0,
    maxRetries: job.chunkMaxRetries,
    dispatches: 1,
    errorCode: null,
    isPutOff: false,
    hasText: true,
    token: null,
    leaseIsOver: false,
    recorded: 0,
    stored: 0,
  }));
  job.chunks = [...job.chunks, ...chunks].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** processing -> success */
export function succeed(chunk: ChunkState): void {
  endLease(chunk);
  Object.assign(chunk, { status: 'success', errorCode: null, hasText: false, stored: 1 } satisfies Partial<ChunkState>);
}

/** processing -> failed */
export function fail(chunk: ChunkState, errorCode: ErrorCode, isPutOff = false): void {
  endLease(chunk);
  Object.assign(chunk, { status: 'failed', errorCode, isPutOff } satisfies Partial<ChunkState>);
}

/** The job and its document have come to an end without its chunks having a say. */
export function endJob(job: JobState, status: 'failed' | 'cancelled', errorCode: ErrorCode): void {
  endLease(job);
  Object.assign(job, { status, documentStatus: status, errorCode });
}

/** chunking -> failed; or, with chunks already, what it was before its failed pages were read again, and why. */
export function endReading(job: JobState, errorCode: ErrorCode): void {
  if (job.total === null) {
    endJob(job, 'failed', errorCode);
  } else {
    endLease(job);
    end(job);
    job.errorCode = errorCode;
  }
}

/** After chunks were settled: attempts are written down, counters moved, rounds ended. */
export function finishSettling(model: Model, settled: readonly ChunkState[]): ModelRound[] {
  for (const chunk of settled) {
    chunk.recorded += chunk.status === 'failed' || chunk.attempts > 1 ? 1 : 0;
  }
  return model.jobs.flatMap((job) => {
    const own = settled.filter((chunk) => chunk.jobId === job.id);
    if (own.length === 0) {
      return [];
    }
    job.processed += own.filter((chunk) => chunk.status === 'success').length;
    job.failed += own.filter((chunk) => chunk.status === 'failed').length;
    job.stored = job.processed;
    return [job.chunks.some(isOpen) ? { jobId: job.id, status: 'processing', retries: [] } : endRound(job)];
  });
}

/** Nothing of the round is left: the next one is scheduled, or the job ends. */
export function endRound(job: JobState): ModelRound {
  const again = job.chunks.filter(
    (chunk) =>
      chunk.status === 'failed' &&
      job.rounds < job.maxRounds &&
      chunk.attempts < chunk.maxRetries &&
      chunk.hasText &&
      errorCatalogue[chunk.errorCode as ErrorCode].retryable,
  );
  if (again.length === 0) {
    end(job);
  } else {
    for (const chunk of again) {
      chunk.status = 'retry_scheduled';
      chunk.dispatches += 1;
    }
    job.status = 'retrying';
    job.rounds += 1;
    job.failed -= again.length;
  }
  return { jobId: job.id, status: job.status, retries: again.map(deliveryOf).sort() };
}

/** Its chunks are settled, and it comes to the end that they and its pages make. */
export function end(job: JobState): void {
  if (job.failed === 0 && job.failedPages === 0) {
    Object.assign(job, { status: 'completed', documentStatus: 'ready', errorCode: null } satisfies Partial<JobState>);
    return;
  }
  const [status, documentStatus] =
    job.processed > 0 ? (['completed_with_errors', 'partial'] as const) : (['failed', 'failed'] as const);
  Object.assign(job, { status, documentStatus, errorCode: commonestCode(job) ?? 'PAGE_FAILED' });
}

function commonestCode(job: JobState): string | undefined {
  const codes = job.chunks.flatMap((chunk) => (chunk.status === 'failed' ? [chunk.errorCode ?? ''] : []));
  const count = (code: string) => codes.filter((each) => each === code).length;
  return codes.sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1))[0];
}
