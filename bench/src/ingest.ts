import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import { ApiClient, type RunningStack, startStack } from '@millrace/stack';
import { MemoryWatch } from './memory';
import type { BenchmarkResult } from './report';
import { withScratchDatabase } from './scratchDatabase';

/** Rarely enough that asking takes no time from the work; the figures are coarse by as much. */
const pollMs = 200;

const root = join(__dirname, '..', '..');

/**
 * Uploads every PDF of a folder at once and waits until all are searchable: pages and chunks a second from the first
 * byte sent to the last job's end, and the peak memory of every process.
 */
export async function ingest(
  environment: Record<string, string | undefined>,
  folder: string,
): Promise<BenchmarkResult> {
  const files = pdfsIn(resolve(root, folder));
  return withScratchDatabase(environment.DATABASE_URL ?? '', async (databaseUrl) => {
    const stateDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
    let stack: RunningStack | undefined;
    try {
      stack = await startStack({
        root,
        databaseUrl,
        redisUrl: environment.REDIS_URL ?? '',
        environment: {
          LOG_LEVEL: 'warn',
          STATIC_EMBEDDING_FILE: join(root, '.millrace', 'static-embedding.bin'),
          ...environment,
          EMBEDDING_PROVIDER: 'static',
        },
        stateDir,
        queuePrefix: `{bench-${randomBytes(4).toString('hex')}}`,
      });
      return await measure(stack, files);
    } finally {
      await stack?.stop();
      await rm(stateDir, { recursive: true, force: true });
    }
  });
}

function pdfsIn(folder: string): string[] {
  if (!existsSync(folder)) {
    throw new Error(`There is no folder ${folder}; name one that holds PDFs with --files FOLDER.`);
  }
  const files = readdirSync(folder).filter((name) => name.toLowerCase().endsWith('.pdf'));
  if (files.length === 0) {
    throw new Error(`There are no PDFs in ${folder}.`);
  }
  return files.sort().map((name) => join(folder, name));
}

async function measure(stack: RunningStack, files: readonly string[]): Promise<BenchmarkResult> {
  const client = new ApiClient(stack.apiUrl, stack.apiKey);
  const { signal } = new AbortController();
  const memory = new MemoryWatch(stack.processes);
  const start = performance.now();
  const uploads = await Promise.all(files.map((file) => client.upload(file, signal)));
  const accepted = performance.now();
  const jobs = await Promise.all(uploads.map((upload) => endOf(client, upload.job.id, signal)));
  const seconds = (performance.now() - start) / 1000;
  const peaks = memory.stop();

  const unfinished = jobs.filter((job) => job.status !== 'completed');
  if (unfinished.length > 0) {
    throw new Error(`These jobs did not complete: ${unfinished.map((job) => `${job.id} ${job.status}`).join(', ')}`);
  }
  const documents = await Promise.all(jobs.map((job) => client.getDocument(job.document_id, signal)));
  const pages = documents.reduce((sum, document) => sum + (document.page_count ?? 0), 0);
  const chunks = jobs.reduce((sum, job) => sum + (job.total_chunks ?? 0), 0);
  return {
    table: [
      ['documents, pages, chunks', `${files.length}, ${pages}, ${chunks}`],
      ['all uploads accepted after', `${((accepted - start) / 1000).toFixed(2)} s`],
      ['all documents searchable after', `${seconds.toFixed(2)} s`],
      ['pages a second', (pages / seconds).toFixed(0)],
      ['chunks a second', (chunks / seconds).toFixed(0)],
      ...[...peaks].map(([name, mib]): [string, string] => [`peak memory, ${name}`, `${mib} MiB`]),
    ],
    figures: {
      pages_per_second: pages / seconds,
      chunks_per_second: chunks / seconds,
      seconds,
      pages,
      chunks,
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
