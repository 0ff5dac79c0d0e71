import { setTimeout } from 'node:timers/promises';
import { startOpenAiServer } from '@millrace/test-support';
import { type BenchStack, type Environment, withBenchStack } from './benchStack';
import { withCleanUp } from './cleanUp';
import { execute } from './databases';
import { clientOf, ingestAll, untilCompleted, untilJob, uploadAll } from './jobs';
import type { Options } from './options';
import { inputPdfs } from './pdfs';
import { withQueues } from './queueKeys';
import type { BenchmarkResult, Figures } from './report';
import { sum } from './statistics';

/** The latency of a remote provider's call. */
const latencyMs = 200;
const pollMs = 20;

/**
 * Measures how many chunks a second 1, 2 and 4 embedder processes embed and settle. With `remote`, a local server that speaks
 * OpenAI's protocol and takes 200 ms a call, processes mostly wait. With the static provider they compute. The documents are
 * read first, while the queue of chunks is paused, so that reading takes nothing from the embedders.
 */
export async function scaling({ environment, files: folder, quick }: Options): Promise<BenchmarkResult> {
  const files = await inputPdfs(folder, quick ? 2 : undefined);
  const server = await startOpenAiServer({ defaultDimensions: 768 });
  server.respondWith(() => setTimeout(latencyMs, 'ok' as const));
  const remote = {
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'slow',
    OPENAI_BASE_URL: server.baseUrl,
    OPENAI_API_KEY: 'local',
  };
  const providers: Record<string, Environment> = { remote, static: {} };
  const figures: Figures = {};
  await withCleanUp(
    async () => {
      for (const [name, variables] of Object.entries(providers)) {
        for (const embedders of quick ? [1, 2] : [1, 2, 4]) {
          const options = { replicas: { embedder: embedders }, variables };
          const rate = await withBenchStack(environment, options, (bench) => chunksPerSecond(bench, files));
          figures[`${name}_chunks_per_second_${embedders}`] = rate;
          figures[`${name}_times_one_${embedders}`] = rate / (figures[`${name}_chunks_per_second_1`] ?? rate);
        }
      }
    },
    () => server.close(),
  );
  return { figures };
}

/** Measures from the start of the queue to the end of the last job, in processes that have done the work once before. */
async function chunksPerSecond(bench: BenchStack, files: readonly string[]): Promise<number> {
  const { stack, databaseUrl, redisUrl, queuePrefix } = bench;
  const client = clientOf(stack);
  await ingestAll(stack, files);
  await execute(databaseUrl, 'TRUNCATE documents CASCADE');
  return withQueues(redisUrl, queuePrefix, async ({ chunks }) => {
    await chunks.pause();
    const jobIds = await uploadAll(client, files);
    const jobs = [];
    for (const id of jobIds) {
      jobs.push(await untilJob(client, id, ({ status }) => status === 'processing' || status === 'failed', pollMs));
    }
    const count = sum(jobs.map((job) => job.total_chunks ?? 0));
    while ((await chunks.getJobCountByTypes('prioritized', 'waiting')) < count) {
      await setTimeout(pollMs);
    }
    const start = performance.now();
    await chunks.resume();
    await untilCompleted(client, jobIds, pollMs);
    return count / ((performance.now() - start) / 1000);
  });
}
