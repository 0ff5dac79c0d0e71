import { loadConfig } from '@millrace/config';
import { createEmbeddingProvider } from '@millrace/embeddings';
import { withBenchStack } from '../benchStack';
import { withDatabase } from '../databases';
import type { Options } from '../options';
import { withQueues } from '../queueKeys';
import type { BenchmarkResult } from '../report';
import { bigJob } from './bigJob';
import { clients, settling } from './settling';

const apiOnly = { chunker: 0, embedder: 0, reconciler: 0 };

/**
 * Measures what the lifecycle costs: settling beside its physical peer, and status, retries and sweeps of a job of 100,000
 * chunks. The lifecycle's own functions do the work. No worker runs.
 */
export async function lifecycle({ environment, quick }: Options): Promise<BenchmarkResult> {
  const settled = await withBenchStack(environment, { replicas: apiOnly }, ({ stack, databaseUrl }) =>
    withDatabase(databaseUrl, clients, async (database) => {
      const provider = await createEmbeddingProvider(loadConfig(stack.environment).embedding);
      return settling(database, provider, quick);
    }),
  );
  const big = await withBenchStack(environment, { replicas: apiOnly }, (bench) =>
    withDatabase(bench.databaseUrl, clients, (database) =>
      withQueues(bench.redisUrl, bench.queuePrefix, (queues, forget) =>
        bigJob({ bench, database, queues, forget, quick }),
      ),
    ),
  );
  return { figures: { ...settled, ...big } };
}
