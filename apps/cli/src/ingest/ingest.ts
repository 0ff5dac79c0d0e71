import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobView, jobHasEnded, type Problem } from '@millrace/contracts';
import { type ApiClient, ApiError, messageOf, type StackContext } from '@millrace/stack';
import { createProgress, type Progress } from './progress';

const pollMs = 300;
const uploadsAtOnce = 3;

/** Counts over all files. */
export interface IngestSummary {
  uploaded: number;
  /** Files whose content was already in the collection. */
  duplicates: number;
  /** Documents that are not completely searchable. */
  failed: number;
  documentIds: Set<string>;
}

function describeProblem(problem: Partial<Problem> | null): string {
  const advice = problem?.advice ? `\n      ${problem.advice}` : '';
  return `${problem?.code ?? 'no code'}: ${problem?.detail ?? problem?.title ?? 'no reason given'}${advice}`;
}

function describeError(error: unknown): string {
  return error instanceof ApiError ? describeProblem(error.problem) : messageOf(error);
}

/** Polls the API until the job has ended. Calls `onState` with each state. */
async function pollJob(
  first: JobView,
  client: ApiClient,
  signal: AbortSignal,
  onState: (job: JobView) => void,
): Promise<JobView> {
  let job = first;
  onState(job);
  while (!jobHasEnded(job.status)) {
    await sleep(pollMs, undefined, { signal });
    job = await client.getJob(job.id, signal);
    onState(job);
  }
  return job;
}

/** Uploads the files, three at a time, and waits until every job has ended. A failed file does not stop the others. */
export async function ingest(
  context: StackContext,
  client: ApiClient,
  files: readonly string[],
  signal: AbortSignal,
): Promise<IngestSummary> {
  const summary: IngestSummary = { uploaded: 0, duplicates: 0, failed: 0, documentIds: new Set() };
  const progress = createProgress(files, context.print);
  // The loops share this iterator, so each takes the next file that no other has taken.
  const remaining = files.values();
  const uploadRemaining = async () => {
    for (const file of remaining) {
      try {
        const { document, duplicate, job } = await client.upload(file, signal);
        summary.documentIds.add(document.id);
        summary[duplicate ? 'duplicates' : 'uploaded'] += 1;
        const ended = await pollJob(job, client, signal, (state) => progress.update(file, state));
        summary.failed += ended.status === 'completed' ? 0 : 1;
        printOutcome(progress, file, ended, duplicate);
      } catch (error) {
        signal.throwIfAborted();
        summary.failed += 1;
        progress.print(`    ${basename(file)}: ${describeError(error)}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: uploadsAtOnce }, uploadRemaining));
  } finally {
    progress.end();
  }
  return summary;
}

function printOutcome(progress: Progress, file: string, job: JobView, duplicate: boolean): void {
  if (job.status !== 'completed') {
    const failed = job.failed_chunks > 0 ? ` (${job.failed_chunks} of ${job.total_chunks} chunks failed)` : '';
    progress.print(`    ${basename(file)}: ${job.status}${failed}: ${describeProblem(job.error)}`);
  } else if (duplicate) {
    progress.print(`    ${basename(file)}: already in the collection, not uploaded again`);
  }
}
