import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobView, jobHasEnded, type Problem } from '@millrace/contracts';
import { type ApiClient, ApiError, messageOf, type StackContext } from '@millrace/stack';
import { createProgress, type Progress } from './progress';

const pollMs = 300;
const uploadsAtOnce = 3;

/** The results of all files. */
export interface IngestSummary {
  uploaded: number;
  /** Files whose content the collection had already. */
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

/** Asks for the job until it has ended. */
async function followJob(first: JobView, ask: (id: string) => Promise<JobView>, show: (job: JobView) => void) {
  let job = first;
  show(job);
  while (!jobHasEnded(job.status)) {
    job = await ask(job.id);
    show(job);
  }
  return job;
}

/** Uploads the files, three at a time, and follows every document to its end. A failure ends only its own file. */
export async function ingest(
  context: StackContext,
  client: ApiClient,
  files: readonly string[],
  signal: AbortSignal,
): Promise<IngestSummary> {
  const summary: IngestSummary = { uploaded: 0, duplicates: 0, failed: 0, documentIds: new Set() };
  const progress = createProgress(files, context.say);
  const ask = async (id: string) => {
    await sleep(pollMs, undefined, { signal });
    return client.getJob(id, signal);
  };
  const waiting = files.values();
  const work = async () => {
    for (const file of waiting) {
      try {
        const { document, duplicate, job } = await client.upload(file, signal);
        summary.documentIds.add(document.id);
        summary[duplicate ? 'duplicates' : 'uploaded'] += 1;
        const ended = await followJob(job, ask, (view) => progress.update(file, view));
        summary.failed += ended.status === 'completed' ? 0 : 1;
        sayOutcome(progress, file, ended, duplicate);
      } catch (error) {
        signal.throwIfAborted();
        summary.failed += 1;
        progress.say(`    ${basename(file)}: ${describeError(error)}`);
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: uploadsAtOnce }, work));
  } finally {
    progress.end();
  }
  return summary;
}

function sayOutcome(progress: Progress, file: string, job: JobView, duplicate: boolean): void {
  if (job.status !== 'completed') {
    const failed = job.failed_chunks > 0 ? ` (${job.failed_chunks} of ${job.total_chunks} chunks failed)` : '';
    progress.say(`    ${basename(file)}: ${job.status}${failed}: ${describeProblem(job.error)}`);
  } else if (duplicate) {
    progress.say(`    ${basename(file)}: already there, not uploaded again`);
  }
}
