import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { JobView } from '@millrace/contracts';
import { ApiClient } from '@millrace/stack';
import { type OpenAiServer, startOpenAiServer } from '@millrace/test-support';
import { type BenchStack, type Environment, root, withBenchStack } from '../benchStack';
import { withCleanUp } from '../cleanUp';
import { endOf } from '../endOf';
import { ingestAll } from '../ingestAll';
import { pdfsIn } from '../pdfsIn';
import { withQueues } from '../queueKeys';
import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';

/** How long a call to a provider elsewhere takes. */
const latencyMs = 200;
const pollMs = 20;

const providers = ['remote', 'static'] as const;
type ProviderName = (typeof providers)[number];

const titles: Record<ProviderName, string> = {
  remote: `a provider that takes ${latencyMs} ms a call`,
  static: 'the static provider',
};

/**
 * Chunks a second that 1, 2 and 4 embedder processes embed and settle, of the PDFs of a folder: with a local server that
 * speaks OpenAI's protocol and takes its time, where processes wait, and with the static provider, where they compute.
 * The documents are read first, with the queue of chunks paused, so that reading takes nothing from the embedders.
 */
export async function scaling(environment: Environment, folder: string, quick: boolean): Promise<BenchmarkResult> {
  const files = pdfsIn(resolve(root, folder)).slice(0, quick ? 2 : undefined);
  const counts = quick ? [1, 2] : [1, 2, 4];
  const provider = await startOpenAiServer();
  provider.respondWith(() => setTimeout(latencyMs, 'ok' as const));
  const result: BenchmarkResult = { table: [], figures: {} };
  await withCleanUp(
    async () => {
      for (const name of providers) {
        const rates: number[] = [];
        for (const embedders of counts) {
          const options = { replicas: { embedder: embedders }, variables: variablesOf(name, provider) };
          rates.push(await withBenchStack(environment, options, (bench) => chunksPerSecond(bench, files)));
        }
        const [alone = Number.NaN] = rates;
        for (const [place, rate] of rates.entries()) {
          const embedders = counts[place] ?? 0;
          result.table.push([
            `${titles[name]}, embedder processes: ${embedders}`,
            `${rate.toFixed(0)} chunks a second, ${(rate / alone).toFixed(2)} times one`,
          ]);
          result.figures[`${name}_chunks_per_second_${embedders}`] = rate;
        }
      }
    },
    () => provider.close(),
  );
  return result;
}

function variablesOf(name: ProviderName, provider: OpenAiServer): Environment {
  return name === 'static'
    ? {}
    : {
        EMBEDDING_PROVIDER: 'openai',
        EMBEDDING_MODEL: 'slow',
        OPENAI_BASE_URL: provider.baseUrl,
        OPENAI_API_KEY: 'local',
      };
}

/** From the moment that the embedders may begin until the last job has ended, in processes that have done it before. */
async function chunksPerSecond(bench: BenchStack, files: readonly string[]): Promise<number> {
  const { stack, databaseUrl, redisUrl, queuePrefix } = bench;
  const client = new ApiClient(stack.apiUrl, stack.apiKey);
  const { signal } = new AbortController();
  await ingestAll(stack, files);
  await execute(databaseUrl, 'TRUNCATE documents CASCADE');
  return withQueues(redisUrl, queuePrefix, async ({ chunks }) => {
    await chunks.pause();
    const jobs: JobView[] = [];
    for (const { job } of await Promise.all(files.map((file) => client.upload(file, signal)))) {
      jobs.push(await untilRead(client, job.id, signal));
    }
    const count = jobs.reduce((sum, job) => sum + (job.total_chunks ?? 0), 0);
    while ((await chunks.getJobCountByTypes('prioritized', 'waiting')) < count) {
      await setTimeout(pollMs);
    }
    const start = performance.now();
    await chunks.resume();
    for (const { id } of jobs) {
      const { status } = await endOf(client, id, pollMs, signal);
      if (status !== 'completed') {
        throw new Error(`Job ${id} ended as ${status}.`);
      }
    }
    return count / ((performance.now() - start) / 1000);
  });
}

/** The job once its document has been read and its chunks are stored. @throws when it could not be. */
async function untilRead(client: ApiClient, jobId: string, signal: AbortSignal): Promise<JobView> {
  for (;;) {
    const job = await client.getJob(jobId, signal);
    if (job.status === 'processing') {
      return job;
    }
    if (job.status === 'failed') {
      throw new Error(`Job ${jobId} could not be read: ${job.error?.detail ?? job.error?.code}`);
    }
    await setTimeout(pollMs);
  }
}
