import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobView, jobHasEnded, type Problem, type UploadResponse } from '@millrace/contracts';
import { messageOf } from '../processes/wait';
import { type ApiClient, ApiError } from './apiClient';
import { createProgress, type ProgressDisplay } from './progress';

const pollMs = 300;
const uploadsAtOnce = 3;

/** What became of the files. */
export interface IngestSummary {
  uploaded: number;
  /** Files that the collection held already. */
  duplicates: number;
  /** Documents that are not completely searchable. */
  failed: number;
  /** The documents of the files that were taken. */
  documentIds: Set<string>;
}

/** A problem for people: what happened, and what to do about it. */
function describeProblem(problem: Partial<Problem> | null): string {
  const advice = problem?.advice ? `\n      ${problem.advice}` : '';
  return `${problem?.code ?? 'no code'}: ${problem?.detail ?? problem?.title ?? 'no reason given'}${advice}`;
}

function describeError(error: unknown): string {
  return error instanceof ApiError ? describeProblem(error.problem) : messageOf(error);
}

/** Asks for the job until it has ended. */
async function followJob(
  client: ApiClient,
  file: string,
  first: JobView,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<JobView> {
  let job = first;
  for (;;) {
    display.update(file, job);
    if (jobHasEnded(job.status)) {
      return job;
    }
    await sleep(pollMs, undefined, { signal });
    job = await client.getJob(job.id, signal);
  }
}

/** Uploads one file and follows it to its end; a failure is counted and told, and ends only this file. */
async function ingestOne(
  client: ApiClient,
  file: string,
  summary: IngestSummary,
  display: ProgressDisplay,
  signal: AbortSignal,
): Promise<void> {
  try {
    const answer: UploadResponse = await client.upload(file, signal);
    summary.documentIds.add(answer.document.id);
    if (answer.duplicate) {
      summary.duplicates += 1;
    } else {
      summary.uploaded += 1;
    }
    const job = await followJob(client, file, answer.job, display, signal);
    if (job.status !== 'completed') {
      summary.failed += 1;
      const missing = job.failed_chunks > 0 ? ` (${job.failed_chunks} of ${job.total_chunks} chunks failed)` : '';
      display.say(`    ${basename(file)}: ${job.status}${missing}: ${describeProblem(job.error)}`);
    } else if (answer.duplicate) {
      display.say(`    ${basename(file)}: already there, not uploaded again`);
    }
  } catch (error) {
    signal.throwIfAborted();
    summary.failed += 1;
    display.say(`    ${basename(file)}: ${describeError(error)}`);
  }
}

/** Uploads the files, a few at a time, and follows every document to its end. */
export async function ingest(
  client: ApiClient,
  files: readonly string[],
  options: { signal: AbortSignal; isTerminal: boolean; say: (line: string) => void },
): Promise<IngestSummary> {
  const summary: IngestSummary = { uploaded: 0, duplicates: 0, failed: 0, documentIds: new Set() };
  const display = createProgress(files, options.isTerminal, options.say);
  const waiting = [...files];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      await ingestOne(client, file, summary, display, options.signal);
    }
  };
  try {
    await Promise.all(Array.from({ length: uploadsAtOnce }, worker));
  } finally {
    display.end();
  }
  return summary;
}
