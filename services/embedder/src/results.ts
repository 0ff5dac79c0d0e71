import type { ClaimedChunk } from '@millrace/lifecycle';
import type { DeliveryResult } from '@millrace/queues';

/** What became of deliveries, by the id of their chunk. */
export type Results = Map<string, DeliveryResult>;

/** The delivery comes again after so many milliseconds. */
export function later(inMs: number): DeliveryResult {
  return { outcome: 'later', at: new Date(Date.now() + inMs) };
}

/** All deliveries of the queue wait for so many milliseconds. */
export function paused(forMs: number): DeliveryResult {
  return { outcome: 'paused', forMs };
}

/** The same result for all of the chunks. */
export function resultFor(chunks: readonly ClaimedChunk[], result: DeliveryResult): Results {
  return new Map(chunks.map((chunk) => [chunk.id, result]));
}

/** Adds the results of a part to those of the whole. */
export function addAll(target: Results, more: Results): void {
  for (const [chunkId, result] of more) {
    target.set(chunkId, result);
  }
}
