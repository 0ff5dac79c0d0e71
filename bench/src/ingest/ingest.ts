import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import { ApiClient, type RunningStack } from '@millrace/stack';
import { type Environment, root, withBenchStack } from '../benchStack';
import { MemoryWatch } from '../memory';
import { pdfsIn } from '../pdfsIn';
import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';
import { describe, type Run } from './describe';
import { installPeers, type PeerName, type PeerRuns, peers, runPeer } from './peers';

/** Rarely enough that asking takes no time from the work; the figures are coarse by as much. */
const pollMs = 200;

/**
 * Uploads every PDF of a folder at once and waits until all are searchable: pages and chunks a second from the first
 * byte sent to the last job's end, and the peak memory of every process. It does so twice on the same processes: cold,
 * straight after their start, when V8 has yet to optimize the PDF engine, and warm, as a service runs for all of its
 * life but the first seconds. In between everything is removed, so that nothing is found in the embedding cache.
 * Afterwards other projects do the same with the same files, provider and server, each twice in one process.
 */
export async function ingest(environment: Environment, folder: string, quick: boolean): Promise<BenchmarkResult> {
  const all = pdfsIn(resolve(root, folder));
  const files = quick ? smallest(all, 2) : all;
  await installPeers();
  const ours = await withBenchStack(environment, {}, async ({ stack, databaseUrl }) => {
    const memory = new MemoryWatch(stack.processes);
    const cold = await measure(stack, files);
    await execute(databaseUrl, 'TRUNCATE documents CASCADE');
    const warm = await measure(stack, files);
    return { cold, warm, peaks: memory.stop() };
  });
  const others = new Map<PeerName, PeerRuns>();
  for (const name of Object.keys(peers) as PeerName[]) {
    others.set(name, await runPeer(name, environment, files));
  }
  return describe(files.length, ours, others);
}

function smallest(files: readonly string[], count: number): string[] {
  return [...files].sort((a, b) => statSync(a).size - statSync(b).size).slice(0, count);
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

async function endOf(client: ApiClient, jobId: string, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await client.getJob(jobId, signal);
    if (jobHasEnded(job.status)) {
      return job;
    }
    await setTimeout(pollMs);
  }
}
