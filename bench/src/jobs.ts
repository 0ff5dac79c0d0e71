import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import { ApiClient, type RunningStack } from '@millrace/stack';
import { sum } from './statistics';

/** Asking this rarely takes no noticeable time from the work. Figures are accurate to this. */
const defaultPollMs = 100;

const { signal } = new AbortController();

export function clientOf({ apiUrl, apiKey }: RunningStack): ApiClient {
  return new ApiClient(apiUrl, apiKey);
}

/** Waits until the job's status fulfils the condition. */
export async function untilJob(
  client: ApiClient,
  jobId: string,
  condition: (job: JobView) => boolean,
  pollMs: number,
): Promise<JobView> {
  for (;;) {
    const job = await client.getJob(jobId, signal);
    if (condition(job)) {
      return job;
    }
    await setTimeout(pollMs);
  }
}

/** Waits until the jobs have completed. @throws Error when one of them ends otherwise. */
export async function untilCompleted(
  client: ApiClient,
  jobIds: readonly string[],
  pollMs = defaultPollMs,
): Promise<JobView[]> {
  const jobs: JobView[] = [];
  for (const id of jobIds) {
    // One question at a time. A job that has ended meanwhile answers at once.
    jobs.push(await untilJob(client, id, ({ status }) => jobHasEnded(status), pollMs));
  }
  const others = jobs.filter((job) => job.status !== 'completed');
  if (others.length > 0) {
    throw new Error(`These jobs did not complete: ${others.map((job) => `${job.id} ${job.status}`).join(', ')}.`);
  }
  return jobs;
}

/** Uploads all files at once, with these options. @returns their job ids. */
export async function uploadAll(
  client: ApiClient,
  files: readonly string[],
  options: Record<string, string> = {},
): Promise<string[]> {
  const uploads = await Promise.all(files.map((file) => client.upload(file, signal, options)));
  return uploads.map(({ job }) => job.id);
}

/** One pass over all files. */
export interface Run {
  seconds: number;
  /** From the first byte sent to the last answer to an upload. */
  acceptedSeconds: number;
  pages: number;
  chunks: number;
  documentIds: string[];
}

/** Uploads all files at once and waits until every job has completed. @throws Error when one does not. */
export async function ingestAll(stack: RunningStack, files: readonly string[], pollMs?: number): Promise<Run> {
  const client = clientOf(stack);
  const start = performance.now();
  const jobIds = await uploadAll(client, files);
  const acceptedSeconds = (performance.now() - start) / 1000;
  const jobs = await untilCompleted(client, jobIds, pollMs);
  const seconds = (performance.now() - start) / 1000;
  const documents = await Promise.all(jobs.map((job) => client.getDocument(job.document_id, signal)));
  return {
    seconds,
    acceptedSeconds,
    pages: sum(documents.map((document) => document.page_count ?? 0)),
    chunks: sum(jobs.map((job) => job.total_chunks ?? 0)),
    documentIds: jobs.map((job) => job.document_id),
  };
}
