import { join } from 'node:path';
import { loadConfig } from '@millrace/config';
import { Database } from '@millrace/database';
import { createEmbeddingProvider } from '@millrace/embeddings';
import type { Queues } from '@millrace/queues';
import { type BenchStack, type Environment, withBenchStack } from '../benchStack';
import { withQueues } from '../queueKeys';
import type { BenchmarkResult } from '../report';
import { execute } from '../scratchDatabase';
import { format } from '../statistics';
import { bigJobChunks, settleAll, storeBigJob } from './bigJob';
import { retryDispatch } from './retryDispatch';
import { claimers, settling } from './settling';
import { statusEndpoint } from './statusEndpoint';
import { sweeping } from './sweeping';

const apiOnly = { chunker: 0, embedder: 0, reconciler: 0 };

/**
 * What the lifecycle costs: settling with its physical peer beside it, the status endpoints and retries of a job of
 * 100,000 chunks, and the reconciler's sweeps. The lifecycle's own functions do the work; there are no workers.
 */
export async function lifecycle(environment: Environment): Promise<BenchmarkResult> {
  const settled = await withBenchStack(environment, { replicas: apiOnly }, (bench) =>
    withDatabase(bench, async (database) => {
      const provider = await createEmbeddingProvider(loadConfig(bench.stack.environment).embedding);
      return settling(database, provider);
    }),
  );
  const bigJob = await withBenchStack(environment, { replicas: apiOnly }, (bench) =>
    withDatabase(bench, (database) =>
      withQueues(bench.redisUrl, bench.queuePrefix, (queues, forget) => aroundBigJob(bench, database, queues, forget)),
    ),
  );
  return together([settled, ...bigJob]);
}

async function withDatabase<T>({ databaseUrl }: BenchStack, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new Database({
    url: databaseUrl,
    poolMax: claimers,
    connectTimeoutMs: 10_000,
    applicationName: 'millrace-bench',
  });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

async function aroundBigJob(
  { stack, databaseUrl, stateDir }: BenchStack,
  database: Database,
  queues: Queues,
  forget: () => Promise<void>,
): Promise<BenchmarkResult[]> {
  // Nothing here reads the vectors; without their indexes the successes are made in a tenth of the time.
  await execute(databaseUrl, 'DROP INDEX document_chunks_embedding, document_chunks_fulltext');
  // PostgreSQL cleans up when a fifth of the rows is dead, within a minute: here it does so when it is told to.
  await execute(databaseUrl, 'ALTER TABLE job_chunks SET (autovacuum_enabled = false)');
  const { jobId, dispatches, storedAfterMs } = await storeBigJob(database);
  await execute(databaseUrl, 'VACUUM ANALYZE job_chunks');
  const start = performance.now();
  await queues.deliverChunks(dispatches);
  const deliveredAfterMs = performance.now() - start;
  const stored: BenchmarkResult = {
    table: [
      [`${bigJobChunks.toLocaleString('en')} chunks of one job stored in`, `${format(storedAfterMs / 1000)} s`],
      ['and delivered to Redis in', `${format(deliveredAfterMs / 1000)} s`],
    ],
    figures: { store_big_job_ms: storedAfterMs, deliver_big_job_ms: deliveredAfterMs },
  };
  const blobDir = join(stateDir, 'no-blobs');
  const swept = await sweeping({ database, queues, forget, blobDir, waiting: bigJobChunks });
  // Of the first 30,000 chunks every third fails, and of those every hundredth with another code.
  const done = dispatches.slice(0, 30_000).map((dispatch) => dispatch.chunkId);
  const failed = done.filter((_, i) => i % 3 === 0);
  const rare = new Set(failed.filter((_, i) => i % 100 === 0));
  await settleAll(
    database,
    done.filter((_, i) => i % 3 !== 0),
    'success',
  );
  await settleAll(
    database,
    failed.filter((id) => !rare.has(id)),
    'EMBEDDING_TIMEOUT',
  );
  await settleAll(database, [...rare], 'EMBEDDING_REJECTED');
  const atWork = await statusEndpoint(stack, jobId, { title: 'at work', name: 'at_work' });
  await execute(databaseUrl, 'VACUUM ANALYZE job_chunks');
  const atRest = await statusEndpoint(stack, jobId, { title: 'vacuumed', name: 'vacuumed' });
  const retried = await retryDispatch({ stack, database, queues, forget, jobId, failedIds: failed });
  return [stored, swept, atWork, atRest, retried];
}

function together(parts: readonly BenchmarkResult[]): BenchmarkResult {
  return {
    table: parts.flatMap((part) => part.table),
    figures: Object.assign({}, ...parts.map((part) => part.figures)),
  };
}
