import type { Config } from '@millrace/config';
import { EmbeddingProviders, MicroBatcher } from '@millrace/embeddings';
import type { DeliveryResult } from '@millrace/queues';
import { type Consumer, Rounds, type RunningService, startWorkerService } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { EmbeddingWorker } from './embeddingWorker';
import { createEmbedderMetrics } from './metrics';
import type { QueuedChunk } from './results';
import { storedChunks, uploadedChunks } from './target';

/**
 * Starts an embedder. It has two workers: one embeds the chunks of uploads, the other gives stored chunks a vector of the
 * next model. They share only the process. Each gathers deliveries of any documents into batches. A batch is embedded in
 * one call and settled in one transaction.
 */
export function startEmbedder(config: Config, logger: Logger): Promise<RunningService> {
  return startWorkerService({
    name: 'embedder',
    config,
    logger,
    setUp: async ({ database, deliveries, registry, worker, runningWork }) => {
      const providers = await EmbeddingProviders.create(config);
      const metrics = createEmbedderMetrics(registry);
      const rounds = new Rounds(deliveries, registry, logger);
      const consumers = [uploadedChunks, storedChunks].map((target): Consumer => {
        const embedding = new EmbeddingWorker({
          target,
          database,
          deliveries,
          rounds,
          providers,
          worker,
          runningWork,
          leaseMs: config.LEASE_MS,
          maxOutageMs: config.EMBEDDING_MAX_OUTAGE_MS,
          retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
          logger,
          metrics,
        });
        const batcher = new MicroBatcher<QueuedChunk, DeliveryResult>({
          maxSize: config.EMBEDDING_BATCH_SIZE,
          maxWaitMs: config.EMBEDDING_BATCH_WAIT_MS,
          concurrency: config.EMBEDDING_CONCURRENCY,
          run: async (chunks) => {
            const results = await embedding.process(chunks);
            return results.map((value) => ({ status: 'fulfilled', value }));
          },
        });
        return {
          queue: target.queue,
          // One batch more than can run at once, so that the next batch is full when a running one ends.
          concurrency: config.EMBEDDING_BATCH_SIZE * (config.EMBEDDING_CONCURRENCY + 1),
          handle: (delivery, queueJobId) => batcher.submit({ ...delivery, queueJobId }),
        };
      });
      return { consumers, close: () => providers.close() };
    },
  });
}
