import { hostname } from 'node:os';
import type { Config } from '@millrace/config';
import { chunkDelivery, queueNames } from '@millrace/contracts';
import { EmbeddingProviders, MicroBatcher } from '@millrace/embeddings';
import { type DeliveryResult, startWorkerService } from '@millrace/queues';
import type { Logger, RunningService } from '@millrace/telemetry';
import { BatchProcessor, type QueuedChunk } from './batch';
import { createEmbedderMetrics } from './metrics';

/**
 * Starts an embedder: chunk deliveries are gathered into micro-batches across documents, and each batch is embedded and
 * settled as one.
 */
export function startEmbedder(config: Config, logger: Logger): Promise<RunningService> {
  return startWorkerService({
    name: 'embedder',
    queueName: queueNames.chunks,
    schema: chunkDelivery,
    config,
    logger,
    setUp: async ({ database, queues, registry }) => {
      const providers = await EmbeddingProviders.create(config);
      const processor = new BatchProcessor({
        database,
        queues,
        providers,
        worker: `${hostname()}:${process.pid}`,
        leaseMs: config.LEASE_MS,
        maxOutageMs: config.EMBEDDING_MAX_OUTAGE_MS,
        retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
        logger,
        metrics: createEmbedderMetrics(registry),
      });
      const batcher = new MicroBatcher<QueuedChunk, DeliveryResult>({
        maxSize: config.EMBEDDING_BATCH_SIZE,
        maxWaitMs: config.EMBEDDING_BATCH_WAIT_MS,
        concurrency: config.EMBEDDING_CONCURRENCY,
        run: async (deliveries) => {
          const results = await processor.process(deliveries);
          return results.map((value) => ({ status: 'fulfilled', value }));
        },
      });
      return {
        // One more batch than are running, so that the next is full when a place becomes free.
        concurrency: config.EMBEDDING_BATCH_SIZE * (config.EMBEDDING_CONCURRENCY + 1),
        handle: (delivery, queueJobId) => batcher.submit({ ...delivery, queueJobId }),
        finish: () => batcher.drain().then(() => processor.idle()),
        handBack: () => processor.handBack(),
        close: () => providers.close(),
      };
    },
  });
}
