import { newId } from '@millrace/contracts';
import { untilAvailable } from '@millrace/database';
import { type ChunkClaim, claimChunks, releaseChunks, renewChunkLeases } from '@millrace/lifecycle';
import type { DeliveryResult } from '@millrace/queues';
import type { RunningWork } from '@millrace/runtime';
import { BatchBisector } from './batchBisector';
import { embeddableChunk } from './embeddable';
import { type EmbeddableChunk, HeldClaim } from './heldClaim';
import { PartEmbedder, type PartEmbedderOptions } from './partEmbedder';
import { addAll, later, paused, type QueuedChunk, type Results, resultFor } from './results';
import { resolveUnclaimed } from './unclaimed';

/** When a delivery comes again whose chunk the bisector has. By then most of them are settled. */
const bisectedMs = 2_000;
/** When a delivery comes again whose row was locked. */
const lockedMs = 500;

export interface BatchProcessorOptions extends Omit<PartEmbedderOptions, 'signal'> {
  /** Names this process in leases and attempts. */
  worker: string;
  /** Counts the work of the bisector as well. Its signal ends all work. */
  runningWork: RunningWork;
}

/**
 * Works on batches with one provider. It claims what can be claimed in one statement, takes the vectors that are known,
 * has the provider make the others in one call, and settles everything in one transaction.
 *
 * A batch that fails costs only the poisoned chunks an attempt. When the provider itself is at fault, all chunks are
 * released and the queue is paused. Otherwise the bisector divides the batch, apart from the running batches.
 */
export class BatchProcessor {
  private readonly parts: PartEmbedder;
  private readonly bisector: BatchBisector;
  private readonly signal: AbortSignal;

  constructor(private readonly options: BatchProcessorOptions) {
    this.signal = options.runningWork.signal;
    this.parts = new PartEmbedder({ ...options, signal: this.signal });
    this.bisector = new BatchBisector({ ...options, parts: this.parts });
  }

  get provider() {
    return this.options.provider;
  }

  /** Embeds and settles a batch: see EmbeddingWorker. */
  async process(deliveries: readonly QueuedChunk[]): Promise<DeliveryResult[]> {
    const pausedForMs = await this.parts.health.pausedForMs();
    if (pausedForMs > 0) {
      return deliveries.map(() => paused(pausedForMs));
    }
    const results = this.postponed(deliveries);
    const open = deliveries.filter(({ chunkId }) => !results.has(chunkId));
    const claim = await this.claim(open);
    if (claim.chunks.length > 0) {
      const held = new HeldClaim(claim, { ...this.options, renew: (...renewal) => this.renew(...renewal) });
      const chunks = claim.chunks.map((chunk) => embeddableChunk(chunk, this.provider));
      addAll(results, await held.during(() => this.work(held, chunks)));
    }
    const claimed = new Set(claim.chunks.map((chunk) => chunk.id));
    const unclaimed = open.filter(({ chunkId }) => !claimed.has(chunkId));
    addAll(results, await resolveUnclaimed(unclaimed, lockedMs, this.options));
    return deliveries.map(({ chunkId }) => results.get(chunkId) ?? { outcome: 'done' });
  }

  /** The results of deliveries whose document is being examined. */
  private postponed(deliveries: readonly QueuedChunk[]): Results {
    const results: Results = new Map();
    for (const { chunkId, documentId } of deliveries) {
      const postponeMs = this.bisector.postponeMs(documentId);
      if (postponeMs > 0) {
        results.set(chunkId, later(postponeMs));
      }
    }
    return results;
  }

  private async claim(deliveries: readonly QueuedChunk[]): Promise<ChunkClaim> {
    const { database, target, worker, leaseMs } = this.options;
    const token = newId();
    const chunkIds = [...new Set(deliveries.map((delivery) => delivery.chunkId))];
    const queueJobIds = deliveries.map((delivery) => delivery.queueJobId);
    try {
      return await claimChunks(database, { queue: target.queue, chunkIds, worker, leaseMs, token, queueJobIds });
    } catch (error) {
      // After a broken connection the claim may have been committed. A lease that expires would cost an attempt.
      await untilAvailable(() => releaseChunks(database, { token, chunkIds, redeliver: false }), this.signal);
      throw error;
    }
  }

  private async renew(token: string, textTokens: readonly string[]): Promise<void> {
    const { database, leaseMs } = this.options;
    await renewChunkLeases(database, { token, leaseMs });
    await this.parts.vectors.renew(textTokens);
  }

  /** Works on the claimed chunks. @returns results; chunks without one are done. */
  private async work(held: HeldClaim, chunks: readonly EmbeddableChunk[]): Promise<Results> {
    const part = held.part(chunks);
    const attempt = await this.parts.attempt(part);
    const { results } = attempt;
    switch (attempt.outcome) {
      case 'settled':
        break;
      case 'stopping':
        await this.parts.release(part, { redeliver: true });
        break;
      case 'paused':
        // The deliveries of the batch go back into the queue, which is paused for all workers.
        await this.parts.release({ ...part, chunks: attempt.rest }, { redeliver: false });
        addAll(results, resultFor(attempt.rest, paused(attempt.forMs)));
        break;
      case 'poisoned': {
        const failed = { ...part, chunks: attempt.rest };
        if (countTexts(attempt.rest) === 1) {
          addAll(results, await this.parts.fail(failed, attempt.error));
        } else {
          this.bisector.examine(held, failed, attempt.error);
          addAll(results, resultFor(attempt.rest, later(bisectedMs)));
        }
      }
    }
    return results;
  }
}

function countTexts(chunks: readonly EmbeddableChunk[]): number {
  return new Set(chunks.map((chunk) => chunk.embeddingHash)).size;
}
