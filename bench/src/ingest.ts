import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import { ApiClient, type RunningStack } from '@millrace/stack';
import { root, withBenchStack } from './benchStack';
import { MemoryWatch } from './memory';
import { pdfsIn } from './pdfsIn';
import type { BenchmarkResult } from './report';
import { execute } from './scratchDatabase';

/** Rarely enough that asking takes no time from the work; the figures are coarse by as much. */
const pollMs = 200;

/**
 * Uploads every PDF of a folder at once and waits until all are searchable: pages and chunks a second from the first
 * byte sent to the last job's end, and the peak memory of every process. It does so twice on the same processes: cold,
 * straight after their start, when V8 has yet to optimize the PDF engine, and warm, as a service runs for all of its
 * life but the first seconds. In between everything is removed, so that nothing is found in the embedding cache.
 */
export async function ingest(
  environment: Record<string, string | undefined>,
  folder: string,
): Promise<BenchmarkResult> {
  const files = pdfsIn(resolve(root, folder));
  return withBenchStack(environment, {}, async ({ stack, databaseUrl }) => {
    const memory = new MemoryWatch(stack.processes);
    const cold = await measure(stack, files);
    await execute(databaseUrl, 'TRUNCATE documents CASCADE');
    const warm = await measure(stack, files);
    return describe(files.length, cold, warm, memory.stop());
  });
}

interface Run {
  seconds: number;
  /** From the first byte sent to the last 202, in seconds. */
  acceptedAfter: number;
  pages: number;
  chunks: number;
}

async function measure(stack: RunningStack, files: readonly string[]): Promise<Run> {
  const client = new ApiClient(stack.apiUrl, stack.apiKey);
  const { signal } = new AbortController();
  const start = performance.now();
  const uploads = await Promise.all(files.map((file) => client.upload(file, signal)));
  const acceptedAfter = (performance.now() - start) / 1000;
  const jobs = await Promise.all(uploads.map((upload) => endOf(client, upload.job.id, signal)));
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
  };
}

function describe(files: number, cold: Run, warm: Run, peaks: ReadonlyMap<string, number>): BenchmarkResult {
  const both = (figure: (run: Run) => string) => `${figure(cold)} cold, ${figure(warm)} warm`;
  return {
    table: [
      ['documents, pages, chunks', `${files}, ${warm.pages}, ${warm.chunks}`],
      ['all uploads accepted after, s', both((run) => run.acceptedAfter.toFixed(2))],
      ['all documents searchable after, s', both((run) => run.seconds.toFixed(2))],
      ['pages a second', both((run) => (run.pages / run.seconds).toFixed(0))],
      ['chunks a second', both((run) => (run.chunks / run.seconds).toFixed(0))],
      ...[...peaks].map(([name, mib]): [string, string] => [`peak memory, ${name}`, `${mib} MiB`]),
    ],
    figures: {
      pages: warm.pages,
      chunks: warm.chunks,
      pages_per_second: warm.pages / warm.seconds,
      chunks_per_second: warm.chunks / warm.seconds,
      cold_pages_per_second: cold.pages / cold.seconds,
      cold_chunks_per_second: cold.chunks / cold.seconds,
      ...Object.fromEntries([...peaks].map(([name, mib]) => [`peak_mib_${name.replace(' ', '_')}`, mib])),
    },
  };
}

async function endOf(client: ApiClient, jobId: string, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await client.getJob(jobId, signal);
    if (jobHasEnded(job.status)) {
      return job;
    }
    await setTimeout(pollMs);
  }
}
