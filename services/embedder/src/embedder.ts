import type { Config } from '@millrace/config';
import { EmbeddingProviders, MicroBatcher } from '@millrace/embeddings';
import type { DeliveryResult } from '@millrace/queues';
import { type RunningService, startWorkerService } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { BatchProcessor, type QueuedChunk } from './batch';
import { createEmbedderMetrics } from './metrics';

/**
 * Starts an embedder: chunk deliveries are gathered into micro-batches across documents, and each batch is embedded and
 * settled as one.
 */
export function startEmbedder(config: Config, logger: Logger): Promise<RunningService> {
  return startWorkerService({
    name: 'embedder',
    config,
    logger,
    setUp: async ({ database, deliveries, registry, worker, inHand }) => {
      const providers = await EmbeddingProviders.create(config);
      const processor = new BatchProcessor({
        database,
        deliveries,
        providers,
        worker,
        inHand,
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
        consumers: (['chunks', 'reembed-chunks'] as const).map((queue) => ({
          queue,
          // One more batch than are running, so that the next is full when a place becomes free.
          concurrency: config.EMBEDDING_BATCH_SIZE * (config.EMBEDDING_CONCURRENCY + 1),
          handle: (delivery, queueJobId) => batcher.submit({ ...delivery, queueJobId }),
        })),
        close: () => providers.close(),
      };
    },
  });
}
