import type { ChunkDelivery } from '@millrace/contracts';
import type { DeliveryResult } from '@millrace/queues';

/** A delivery with the id of the queue job that brought it. */
export interface QueuedChunk extends ChunkDelivery {
  queueJobId: string;
}

/** The results of deliveries, by the id of their chunk. */
export type Results = Map<string, DeliveryResult>;

/** Postpones a delivery for the given milliseconds. */
export function later(inMs: number): DeliveryResult {
  return { outcome: 'later', at: new Date(Date.now() + inMs) };
}

/** Pauses the queue for the given milliseconds. */
export function paused(forMs: number): DeliveryResult {
  return { outcome: 'paused', forMs };
}

/** Gives all of the chunks the same result. */
export function resultFor(chunks: readonly { id: string }[], result: DeliveryResult): Results {
  return new Map(chunks.map((chunk) => [chunk.id, result]));
}

/** Adds the results of a part to the results of the batch. */
export function addAll(target: Results, more: Results): void {
  for (const [chunkId, result] of more) {
    target.set(chunkId, result);
  }
}
