import { type ChunkDelivery, isErrorCode, newId } from '@millrace/contracts';
import { untilAvailable } from '@millrace/database';
import {
  type ChunkClaim,
  type ClaimedChunk,
  claimChunks,
  expireLeases,
  releaseChunks,
  renewChunkLeases,
} from '@millrace/lifecycle';
import type { DeliveryResult } from '@millrace/queues';
import { announceRounds } from './announce';
import { ChunkGroups, type ChunkGroupsOptions } from './chunkGroups';
import { Division } from './division';
import { HeldClaim } from './heldClaim';
import { addAll, later, type Results, resultFor } from './results';

/** When a delivery comes again whose chunk is being examined; by then it is mostly settled. */
const examinedMs = 2_000;
/** When a delivery comes again whose row could not be claimed for the moment. */
const lockedMs = 500;

/** A delivery with the id of the queue job that brought it. */
export interface QueuedChunk extends ChunkDelivery {
  queueJobId: string;
}

export interface BatchOptions extends Omit<ChunkGroupsOptions, 'signal'> {
  /** Names this process in leases and attempts. */
  worker: string;
}

/**
 * Works on batches of chunk deliveries: claims what can be claimed in one statement, takes vectors that are known
 * already, has the provider make the rest in one call, and settles everything in one transaction.
 *
 * A batch that fails costs nobody but the guilty an attempt. When the provider itself is at fault, everything is handed
 * back and waits. Otherwise the batch is divided, apart from the running batches, until the guilty text stands alone.
 */
export class BatchProcessor {
  private readonly inHand = new Set<Promise<unknown>>();
  private readonly stopping = new AbortController();
  private readonly groups: ChunkGroups;
  private readonly division: Division;

  constructor(private readonly options: BatchOptions) {
    const { signal } = this.stopping;
    this.groups = new ChunkGroups({ ...options, signal });
    this.division = new Division({ ...options, groups: this.groups, signal });
  }

  /** One result per delivery, in order. Rejects only when the database is away, with nothing claimed. */
  async process(deliveries: readonly QueuedChunk[]): Promise<DeliveryResult[]> {
    const work = this.take(deliveries);
    this.inHand.add(work);
    try {
      return await work;
    } finally {
      this.inHand.delete(work);
    }
  }

  /** Resolves when nothing is in hand, what is being examined included. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.inHand);
    await this.division.idle();
  }

  /**
   * Ends all work: calls to the provider are broken off, and each batch in hand, one that is just being claimed as well,
   * gives its chunks back without an attempt consumed. Deliveries that still come are put off for another worker.
   */
  async handBack(): Promise<void> {
    this.stopping.abort();
    await this.idle();
  }

  private async take(deliveries: readonly QueuedChunk[]): Promise<DeliveryResult[]> {
    if (this.stopping.signal.aborted) {
      return deliveries.map(() => later(0));
    }
    const pausedForMs = await this.groups.health.pausedForMs();
    if (pausedForMs > 0) {
      return deliveries.map(() => ({ outcome: 'paused', forMs: pausedForMs }));
    }
    const results: Results = new Map();
    for (const { chunkId, documentId } of deliveries) {
      const putOffMs = this.division.putOffMs(documentId);
      if (putOffMs > 0) {
        results.set(chunkId, later(putOffMs));
      }
    }
    const ids = [...new Set(deliveries.map((delivery) => delivery.chunkId))].filter((id) => !results.has(id));
    const claim = await this.claim(
      ids,
      deliveries.map((delivery) => delivery.queueJobId),
    );
    if (claim.chunks.length > 0) {
      const held = new HeldClaim(claim, (...renewal) => this.renew(...renewal), this.options.leaseMs / 3);
      addAll(results, await held.during(() => this.work(held, claim.chunks)));
    }
    addAll(results, await this.resolveUnclaimed(ids, claim, deliveries));
    return deliveries.map((delivery) => results.get(delivery.chunkId) ?? { outcome: 'done' });
  }

  private async claim(ids: readonly string[], queueJobIds: readonly string[]): Promise<ChunkClaim> {
    const { database, worker, leaseMs } = this.options;
    const token = newId();
    try {
      return await claimChunks(database, ids, worker, leaseMs, token, queueJobIds);
    } catch (error) {
      // A connection that broke leaves it open whether the claim stands; a lease that runs out would cost an attempt.
      await untilAvailable(() => releaseChunks(database, token, ids, { redeliver: false }), this.stopping.signal);
      throw error;
    }
  }

  /**
   * A chunk that could not be claimed is done with (settled, handed to somebody else, or deleted), or still leased: by
   * a worker that is busy with it, so that the delivery must come again, or by one that has died.
   */
  private async resolveUnclaimed(
    ids: readonly string[],
    claim: ChunkClaim,
    deliveries: readonly QueuedChunk[],
  ): Promise<Results> {
    const claimed = new Set(claim.chunks.map((chunk) => chunk.id));
    const unclaimed = ids.filter((id) => !claimed.has(id));
    if (unclaimed.length === 0) {
      return new Map();
    }
    const { database, retryPolicy } = this.options;
    const { rounds } = await expireLeases(database, { chunkIds: unclaimed }, retryPolicy);
    await announceRounds(rounds, this.options);
    const own = new Set(deliveries.map((delivery) => delivery.queueJobId));
    const rows = await database.jobChunks.findAll(unclaimed);
    return new Map(
      rows.map((row): [string, DeliveryResult] => {
        if (row.status === 'processing' && row.lease_expires_at) {
          return [row.id, { outcome: 'later', at: row.lease_expires_at, leased: true }];
        }
        if (row.status === 'pending' || (row.status === 'retry_scheduled' && own.has(row.queue_job_id))) {
          // Its row was locked for a moment, or it has just been handed back.
          return [row.id, later(lockedMs)];
        }
        return row.status === 'failed' && isErrorCode(row.last_error_code)
          ? [row.id, { outcome: 'failed', code: row.last_error_code, message: row.last_error ?? '' }]
          : [row.id, { outcome: 'done' }];
      }),
    );
  }

  /** Pushes the deadlines forward; with the database away, as soon as it is back. */
  private async renew(token: string, textTokens: readonly string[], ended: AbortSignal): Promise<void> {
    const { database, leaseMs, logger } = this.options;
    try {
      await untilAvailable(async () => {
        await renewChunkLeases(database, token, leaseMs);
        await this.groups.vectors.renew(textTokens);
      }, ended);
    } catch (error) {
      if (!ended.aborted) {
        logger.warn({ err: error }, 'could not renew the lease of a batch');
      }
    }
  }

  /** A batch just claimed: its results, of which those of a failing batch come later. */
  private async work(held: HeldClaim, chunks: readonly ClaimedChunk[]): Promise<Results> {
    const part = held.part(chunks);
    const attempt = await this.groups.attempt(part);
    const { results } = attempt;
    switch (attempt.outcome) {
      case 'settled':
        break;
      case 'stopping':
        await this.groups.release(part, { redeliver: true });
        break;
      case 'paused':
        // The deliveries we have go back into the queue, which all workers leave alone meanwhile.
        await this.groups.release({ ...part, chunks: attempt.rest }, { redeliver: false });
        addAll(results, resultFor(attempt.rest, { outcome: 'paused', forMs: attempt.forMs }));
        break;
      case 'guilty': {
        const failed = { ...part, chunks: attempt.rest };
        if (countTexts(attempt.rest) === 1) {
          addAll(results, await this.groups.fail(failed, attempt.error));
        } else {
          this.division.examine(held, failed, attempt.error);
          addAll(results, resultFor(attempt.rest, later(examinedMs)));
        }
      }
    }
    return results;
  }
}

function countTexts(chunks: readonly ClaimedChunk[]): number {
  return new Set(chunks.map((chunk) => chunk.contentHash)).size;
}
