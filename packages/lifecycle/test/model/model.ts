import { type ErrorCode, errorCatalogue, type JobStatus, jobHasEnded } from '@millrace/contracts';
import type { ChunkState, DocumentState, JobState } from './state';

/*
 * The lifecycle without database, time or concurrency: what each transition must make of the rows, and answer. It is
 * written from the lifecycle's description, one job and one chunk after the other, where the real one works in sets.
 * This file holds the state and what several transitions share. Each transition is beside its command.
 */

/** All documents and jobs, in the order of their ids. */
export class Model {
  readonly documents: DocumentState[] = [];
  readonly jobs: JobState[] = [];

  document(id: string): DocumentState | undefined {
    return this.documents.find((document) => document.id === id);
  }

  job(id: string): JobState | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  jobsOf(documentId: string): JobState[] {
    return this.jobs.filter((job) => job.documentId === documentId);
  }

  /** The document of a job. */
  documentOf(job: JobState): DocumentState {
    const document = this.document(job.documentId);
    if (!document) {
      throw new Error(`the model has no document ${job.documentId}`);
    }
    return document;
  }

  /** Returns the given chunks that exist, in the order of their ids. */
  chunks(ids: readonly string[]): ChunkState[] {
    return this.allChunks().filter((chunk) => ids.includes(chunk.id));
  }

  allChunks(): ChunkState[] {
    return this.jobs.flatMap((job) => job.chunks).sort(byId);
  }

  /** Adds a job, and with an ingest job its document. */
  add(job: JobState): void {
    if (job.kind === 'ingest') {
      const { documentId: id } = job;
      this.documents.push({ id, status: 'queued', errorCode: null, hasOriginal: true, failedPages: 0, stored: 0 });
      this.documents.sort(byId);
    }
    this.jobs.push(job);
    this.jobs.sort(byId);
  }

  /** Sets the status of the job's document to what its jobs and pages say. */
  refresh(job: JobState): void {
    const document = this.documentOf(job);
    const jobs = this.jobsOf(job.documentId);
    document.stored = jobs.reduce((sum, each) => sum + each.processed, 0);
    if (jobs.some((each) => !jobHasEnded(each.status))) {
      document.status = document.status === 'queued' ? 'queued' : 'processing';
      document.errorCode = null;
      return;
    }
    const ingest = jobs.find((each) => each.kind === 'ingest');
    const rereads = jobs.filter((each) => each.kind === 'reread');
    const chunks = jobs.flatMap((each) => each.chunks);
    const last = rereads.at(-1);
    if (ingest?.total === null) {
      Object.assign(document, { status: ingest.status, errorCode: ingest.errorCode });
    } else if (ingest?.status === 'cancelled' && !rereads.some((each) => each.status.startsWith('completed'))) {
      Object.assign(document, { status: 'cancelled', errorCode: 'CANCELLED' });
    } else if (chunks.every((chunk) => chunk.status === 'success') && document.failedPages === 0) {
      Object.assign(document, { status: 'ready', errorCode: null });
    } else {
      document.status = document.stored > 0 ? 'partial' : 'failed';
      document.errorCode =
        last && last.total === null && document.failedPages > 0
          ? last.errorCode
          : (commonestCode(chunks) ?? 'PAGE_FAILED');
    }
  }
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1);

export interface JobLimits {
  jobMaxRetries: number;
  chunkMaxRetries: number;
}

/** The expected answer of a settlement about a job; see `roundsOf` in command.ts. */
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

/** A job as it is made. */
export function newJobState(
  id: string,
  documentId: string,
  limits: JobLimits,
  kind: JobState['kind'] = 'ingest',
): JobState {
  return {
    id,
    documentId,
    kind,
    status: 'queued',
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
    chunks: [],
  };
}

/** chunking -> processing, with these chunks. */
export function storeInModel(job: JobState, chunkIds: readonly string[]): void {
  endLease(job);
  Object.assign(job, {
    status: 'processing',
    errorCode: null,
    total: chunkIds.length,
  } satisfies Partial<JobState>);
  job.chunks = chunkIds
    .map((id) => ({
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
    }))
    .sort(byId);
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

/** The job ends whatever its chunks say, and its document follows. */
export function endJob(model: Model, job: JobState, status: 'failed' | 'cancelled', errorCode: ErrorCode): void {
  endLease(job);
  Object.assign(job, { status, errorCode });
  model.refresh(job);
}

/** After chunks were settled: records attempts, moves counters, ends rounds. */
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
    model.refresh(job);
    return [job.chunks.some(isOpen) ? { jobId: job.id, status: 'processing', retries: [] } : endRound(model, job)];
  });
}

/** No chunk of the round is left: the next round is scheduled, or the job ends. */
export function endRound(model: Model, job: JobState): ModelRound {
  const again = job.chunks.filter(
    (chunk) =>
      chunk.status === 'failed' &&
      job.rounds < job.maxRounds &&
      chunk.attempts < chunk.maxRetries &&
      chunk.hasText &&
      errorCatalogue[chunk.errorCode as ErrorCode].retryable,
  );
  if (again.length === 0) {
    end(model, job);
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

/** The job's chunks are settled, and it ends as they and its document's pages say. */
export function end(model: Model, job: JobState): void {
  if (job.failed === 0 && model.documentOf(job).failedPages === 0) {
    Object.assign(job, { status: 'completed', errorCode: null } satisfies Partial<JobState>);
  } else {
    const status: JobStatus = job.processed > 0 ? 'completed_with_errors' : 'failed';
    Object.assign(job, { status, errorCode: commonestCode(job.chunks) ?? 'PAGE_FAILED' });
  }
  model.refresh(job);
}

function commonestCode(chunks: readonly ChunkState[]): string | undefined {
  const codes = chunks.flatMap(({ status, errorCode }) =>
    status === 'failed' || status === 'cancelled' ? [errorCode ?? ''] : [],
  );
  const count = (code: string) => codes.filter((each) => each === code).length;
  return codes.sort((a, b) => count(b) - count(a) || (a < b ? -1 : 1))[0];
}
