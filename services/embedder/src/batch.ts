import { type ChunkDelivery, isErrorCode, newId } from '@millrace/contracts';
import { type EmbeddingModels, untilAvailable } from '@millrace/database';
import {
  type ChunkClaim,
  type ClaimedChunk,
  claimChunks,
  expireLeases,
  releaseChunks,
  renewChunkLeases,
} from '@millrace/lifecycle';
import type { DeliveryResult } from '@millrace/queues';
import type { WorkInHand } from '@millrace/runtime';
import { announceRounds } from './announce';
import { HeldClaim } from './heldClaim';
import { type Lane, Lanes, type LanesOptions } from './lanes';
import { addAll, later, paused, type Results, resultFor } from './results';

/** When a delivery comes again whose chunk is being examined; by then it is mostly settled. */
const examinedMs = 2_000;
/** When a delivery comes again of a change of the model that has ended; by then its job has as well. */
const endedMs = 5_000;
/** When a delivery comes again whose row could not be claimed for the moment. */
const lockedMs = 500;

/** A delivery with the id of the queue job that brought it. */
export interface QueuedChunk extends ChunkDelivery {
  queueJobId: string;
}

export interface BatchOptions extends Omit<LanesOptions, 'signal'> {
  /** Names this process in leases and attempts. */
  worker: string;
  /** Counts what is examined apart from the batches as well; its signal ends all work. */
  inHand: WorkInHand;
}

/**
 * Works on batches of chunk deliveries: claims what can be claimed in one statement, takes vectors that are known
 * already, has the provider make the rest in one call, and settles everything in one transaction.
 *
 * A batch that fails costs nobody but the guilty an attempt. When the provider itself is at fault, everything is handed
 * back and waits. Otherwise the batch is divided, apart from the running batches, until the guilty text stands alone.
 */
export class BatchProcessor {
  private readonly stopping: AbortSignal;
  private readonly lanes: Lanes;

  constructor(private readonly options: BatchOptions) {
    this.stopping = options.inHand.signal;
    this.lanes = new Lanes({ ...options, signal: this.stopping });
  }

  /**
   * One result per delivery, in order. Rejects only when the database is away, with nothing claimed. When the stop comes,
   * even during the claim, it releases the chunks without an attempt counted.
   */
  async process(deliveries: readonly QueuedChunk[]): Promise<DeliveryResult[]> {
    if (this.stopping.aborted) {
      return deliveries.map(() => later(0));
    }
    const models = await this.options.database.embeddingModels.find();
    const waitMs = models.next === null ? await this.lanes.waitMs('document_chunks', models, deliveries.length) : 0;
    if (waitMs > 0) {
      // Where only this worker lacks the provider, the others go on.
      const result = this.lanes.into('document_chunks', models) ? paused(waitMs) : later(waitMs);
      return deliveries.map(() => result);
    }
    const results = await this.putOff(deliveries, models);
    const ids = [...new Set(deliveries.map((delivery) => delivery.chunkId))].filter((id) => !results.has(id));
    const claim = await this.claim(
      ids,
      deliveries.map((delivery) => delivery.queueJobId),
    );
    if (claim.chunks.length > 0) {
      const held = new HeldClaim(claim, { ...this.options, renew: (...renewal) => this.renew(...renewal) });
      addAll(results, await held.during(() => this.workByLane(held, claim.chunks, models)));
    }
    addAll(results, await this.resolveUnclaimed(ids, claim, deliveries));
    return deliveries.map((delivery) => results.get(delivery.chunkId) ?? { outcome: 'done' });
  }

  /** The results of those deliveries that nothing is to be done about just now. */
  private async putOff(deliveries: readonly QueuedChunk[], models: EmbeddingModels): Promise<Results> {
    const results: Results = new Map();
    for (const { chunkId, documentId } of deliveries) {
      const putOffMs = this.lanes.putOffMs(documentId);
      if (putOffMs > 0) {
        results.set(chunkId, later(putOffMs));
      }
    }
    if (models.next !== null) {
      // Two providers are asked, and when one of them has to be left alone the other's work goes on.
      const tables = await this.options.database.jobChunks.findVectorTables(deliveries.map(({ chunkId }) => chunkId));
      for (const [table, ids] of tables) {
        const waitMs = await this.lanes.waitMs(table, models, ids.length);
        for (const id of waitMs > 0 ? ids : []) {
          results.set(id, later(waitMs));
        }
      }
    }
    return results;
  }

  private async claim(ids: readonly string[], queueJobIds: readonly string[]): Promise<ChunkClaim> {
    const { database, worker, leaseMs } = this.options;
    const token = newId();
    try {
      return await claimChunks(database, { chunkIds: ids, worker, leaseMs, token, queueJobIds });
    } catch (error) {
      // A connection that broke leaves it open whether the claim stands; a lease that runs out would cost an attempt.
      await untilAvailable(() => releaseChunks(database, { token, chunkIds: ids, redeliver: false }), this.stopping);
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
        if (row.status === 'processing' && row.leaseExpiresAt) {
          return [row.id, { outcome: 'later', at: row.leaseExpiresAt, leased: true }];
        }
        if (row.status === 'pending' || (row.status === 'retry_scheduled' && own.has(row.queueJobId))) {
          // Its row was locked for a moment, or it has just been handed back.
          return [row.id, later(lockedMs)];
        }
        return row.status === 'failed' && isErrorCode(row.lastErrorCode)
          ? [row.id, { outcome: 'failed', code: row.lastErrorCode, message: row.lastError ?? '' }]
          : [row.id, { outcome: 'done' }];
      }),
    );
  }

  private async renew(token: string, textTokens: readonly string[]): Promise<void> {
    const { database, leaseMs } = this.options;
    await renewChunkLeases(database, { token, leaseMs });
    await this.lanes.renew(textTokens);
  }

  /** A batch just claimed: each provider's part of it. */
  private async workByLane(
    held: HeldClaim,
    chunks: readonly ClaimedChunk[],
    models: EmbeddingModels,
  ): Promise<Results> {
    const results: Results = new Map();
    const parts = (['document_chunks', 'document_chunks_next'] as const).map(async (table) => {
      const own = chunks.filter((chunk) => chunk.into === table);
      const lane = this.lanes.into(table, models);
      if (own.length > 0) {
        addAll(results, lane ? await this.work(lane, held, own, models) : await this.giveBack(held, own));
      }
    });
    // Not before all have ended: until then the lease is renewed.
    const ends = await Promise.allSettled(parts);
    for (const end of ends) {
      if (end.status === 'rejected') {
        throw end.reason;
      }
    }
    return results;
  }

  /** Of a change of the model that has ended since: whoever ended it sees to them. */
  private async giveBack(held: HeldClaim, chunks: readonly ClaimedChunk[]): Promise<Results> {
    const { database } = this.options;
    const ids = chunks.map((chunk) => chunk.id);
    const { token } = held.part(chunks);
    await untilAvailable(() => releaseChunks(database, { token, chunkIds: ids, redeliver: false }), this.stopping);
    return resultFor(chunks, later(endedMs));
  }

  /** One provider's part of a batch: its results, of which those of a failing one come later. */
  private async work(
    { groups, division }: Lane,
    held: HeldClaim,
    chunks: readonly ClaimedChunk[],
    models: EmbeddingModels,
  ): Promise<Results> {
    const part = held.part(chunks);
    const attempt = await groups.attempt(part);
    const { results } = attempt;
    switch (attempt.outcome) {
      case 'settled':
        break;
      case 'stopping':
        await groups.release(part, { redeliver: true });
        break;
      case 'paused':
        // The deliveries we have go back into the queue, which all workers leave alone meanwhile; unless there is another
        // provider, whose work goes on.
        await groups.release({ ...part, chunks: attempt.rest }, { redeliver: false });
        addAll(results, resultFor(attempt.rest, models.next === null ? paused(attempt.forMs) : later(attempt.forMs)));
        break;
      case 'guilty': {
        const failed = { ...part, chunks: attempt.rest };
        if (countTexts(attempt.rest) === 1) {
          addAll(results, await groups.fail(failed, attempt.error));
        } else {
          division.examine(held, failed, attempt.error);
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
