import type { JobView } from '@millrace/contracts';
import { ApiClient, type RunningStack } from '@millrace/stack';
import { endOf } from './endOf';

/** Rarely enough that asking takes no time from the work to speak of; the figures are coarse by as much. */
const pollMs = 100;

/** One pass over all files. */
export interface Run {
  seconds: number;
  /** From the first byte sent to the last answer to an upload, in seconds. */
  acceptedAfter: number;
  pages: number;
  chunks: number;
  documentIds: string[];
}

/**
 * Uploads all files at once and waits until every job has completed, asking every `pollMs` milliseconds.
 * @throws when one does not.
 */
export async function ingestAll(
  stack: RunningStack,
  files: readonly string[],
  options: { pollMs?: number } = {},
): Promise<Run> {
  const client = new ApiClient(stack.apiUrl, stack.apiKey);
  const { signal } = new AbortController();
  const start = performance.now();
  const uploads = await Promise.all(files.map((file) => client.upload(file, signal)));
  const acceptedAfter = (performance.now() - start) / 1000;
  // One after the other, so that there is one question at a time; who has ended meanwhile says so at once.
  const jobs: JobView[] = [];
  for (const upload of uploads) {
    jobs.push(await endOf(client, upload.job.id, options.pollMs ?? pollMs, signal));
  }
  const seconds = (performance.now() - start) / 1000;
  const unfinished = jobs.filter((job) => job.status !== 'completed');
  if (unfinished.length > 0) {
    throw new Error(`These jobs did not complete: ${unfinished.map((job) => `${job.id} ${job.status}`).join(', ')}`);
  }
  const documents = await Promise.all(jobs.map((job) => client.getDocument(job.document_id, signal)));
  return {
    seconds,
    acceptedAfter,
    pages: documents.reduce((sum, document) => sum + (document.page_count ?? 0), 0),
    chunks: jobs.reduce((sum, job) => sum + (job.total_chunks ?? 0), 0),
    documentIds: jobs.map((job) => job.document_id),
  };
}
