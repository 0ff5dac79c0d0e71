import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Config } from '@millrace/config';
import { type ChunkDelivery, chunkDelivery, queueNames } from '@millrace/contracts';
import { checkSetup, Database } from '@millrace/database';
import { createEmbeddingProvider, MicroBatcher } from '@millrace/embeddings';
import { checkRedis, type DeliveryResult, Queues, QueueWorker, untilReady, workerConnection } from '@millrace/queues';
import { createRegistry, type Logger, type RunningService, startHealthServer } from '@millrace/telemetry';
import { BatchProcessor } from './batch';
import { createEmbedderMetrics } from './metrics';

/**
 * Starts an embedder: chunk deliveries are gathered into micro-batches across documents, and each batch is embedded and
 * settled as one.
 */
export async function startEmbedder(config: Config, logger: Logger): Promise<RunningService> {
  const database = new Database({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
    applicationName: 'millrace-embedder',
  });
  const embedding = { model: config.EMBEDDING_MODEL, dimensions: config.EMBEDDING_DIMENSIONS };
  await checkSetup(database.sql, embedding);
  const provider = await createEmbeddingProvider(config);
  const redis = workerConnection(config.REDIS_URL, logger);
  await untilReady(redis, config.DATABASE_CONNECT_TIMEOUT_MS);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const registry = createRegistry('embedder');

  const processor = new BatchProcessor({
    database,
    queues,
    provider,
    worker: `${hostname()}:${process.pid}`,
    leaseMs: config.LEASE_MS,
    retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
    logger,
    metrics: createEmbedderMetrics(registry),
  });
  const batcher = new MicroBatcher<ChunkDelivery, DeliveryResult>({
    maxSize: config.EMBEDDING_BATCH_SIZE,
    maxWaitMs: config.EMBEDDING_BATCH_WAIT_MS,
    concurrency: config.EMBEDDING_CONCURRENCY,
    run: async (deliveries) => {
      const results = await processor.process(deliveries);
      return results.map((value) => ({ status: 'fulfilled', value }));
    },
  });
  const worker = new QueueWorker({
    queueName: queueNames.chunks,
    prefix: config.QUEUE_PREFIX,
    connection: redis,
    schema: chunkDelivery,
    handle: (delivery) => batcher.submit(delivery),
    // One more batch than are running, so that the next is full when a place becomes free.
    concurrency: config.EMBEDDING_BATCH_SIZE * (config.EMBEDDING_CONCURRENCY + 1),
    lockMs: config.LEASE_MS,
    logger,
    registry,
  });
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    registry,
    checks: { database: () => checkSetup(database.sql, embedding), redis: () => checkRedis(redis) },
  });
  worker.start();

  // What is not finished in this time is handed back, which needs some of the time as well.
  const graceMs = config.SHUTDOWN_TIMEOUT_MS * 0.6;
  return {
    urls: { healthUrl: health.url },
    stop: [
      { name: 'take no more deliveries', run: () => worker.pause() },
      {
        name: 'finish the batches in hand',
        run: () => Promise.race([batcher.drain(), setTimeout(graceMs, undefined, { ref: false })]),
      },
      { name: 'hand back what is unfinished', run: () => processor.release() },
      { name: 'close the queues', run: () => worker.close(graceMs / 4).then(() => queues.close()) },
      { name: 'close the provider', run: async () => provider.close?.() },
      { name: 'close the health server', run: () => health.close() },
      { name: 'close the connections', run: () => Promise.all([redis.quit(), database.close()]) },
    ],
  };
}
