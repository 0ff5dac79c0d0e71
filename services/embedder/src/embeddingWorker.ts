import { setTimeout } from 'node:timers/promises';
import type { StoredModel } from '@millrace/database';
import type { EmbeddingProviders } from '@millrace/embeddings';
import type { DeliveryResult } from '@millrace/queues';
import { BatchProcessor, type BatchProcessorOptions } from './batchProcessor';
import { later, paused, type QueuedChunk } from './results';
import { resolveUnclaimed } from './unclaimed';

/** How long the queue is paused at a time while it is closed: some seconds, two minutes at most in all. */
const closedPauseMs = 1_000;
/**
 * Without a provider, a batch is held for a moment and its deliveries are postponed. The hold bounds how many deliveries
 * are postponed while no worker can embed them: two batches of 64 a second, and not thousands.
 */
const holdMs = 1_000;
const noProviderMs = 5_000;
const warnEveryMs = 60_000;

export interface EmbeddingWorkerOptions extends Omit<BatchProcessorOptions, 'provider' | 'model'> {
  providers: EmbeddingProviders;
}

/**
 * Works on batches of one queue with the provider of the model that the database names at that moment. When the model
 * changes, the next batch gets its provider.
 */
export class EmbeddingWorker {
  private processor: BatchProcessor | undefined;
  private warnedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: EmbeddingWorkerOptions) {}

  /**
   * Embeds and settles a batch. @returns one result per delivery, in order. When the service stops, it releases what it has
   * claimed, and the attempts do not count. @throws MillraceError DATABASE_UNAVAILABLE with nothing claimed
   */
  async process(deliveries: readonly QueuedChunk[]): Promise<DeliveryResult[]> {
    const { database, target, runningWork } = this.options;
    if (runningWork.signal.aborted) {
      return deliveries.map(() => later(0));
    }
    const models = await database.embeddingModels.find();
    if (target.isClosed(models)) {
      return deliveries.map(() => paused(closedPauseMs));
    }
    const model = target.modelOf(models);
    const processor = model && this.processorOf(model);
    return processor ? processor.process(deliveries) : this.leave(deliveries, model);
  }

  private processorOf(model: StoredModel): BatchProcessor | null {
    const provider = this.options.providers.find(model);
    if (provider === null) {
      return null;
    }
    if (this.processor?.provider !== provider) {
      this.processor = new BatchProcessor({ ...this.options, provider, model });
    }
    return this.processor;
  }

  /** Leaves the chunks to workers that have a provider of the model, or to the end of their jobs. */
  private async leave(deliveries: readonly QueuedChunk[], model: StoredModel | null): Promise<DeliveryResult[]> {
    const { target, runningWork, logger } = this.options;
    if (model && performance.now() - this.warnedAt >= warnEveryMs) {
      logger.warn({ queue: target.queue, ...model }, 'this embedder has no provider of the model');
      this.warnedAt = performance.now();
    }
    await setTimeout(holdMs, undefined, { signal: runningWork.signal }).catch(() => undefined);
    const results = await resolveUnclaimed(deliveries, noProviderMs, this.options);
    return deliveries.map(({ chunkId }) => results.get(chunkId) ?? { outcome: 'done' });
  }
}
