import { isErrorCode } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { expireLeases, type RetryPolicy } from '@millrace/lifecycle';
import type { DeliveryResult } from '@millrace/queues';
import type { Rounds } from '@millrace/runtime';
import { later, type QueuedChunk, type Results } from './results';

export interface UnclaimedOptions {
  database: Database;
  rounds: Rounds;
  retryPolicy: RetryPolicy;
}

/**
 * Decides about deliveries whose chunks were not claimed. A chunk may still be leased, by a worker that is busy or has
 * died; its delivery comes again at the deadline. One that waits for this delivery gets it again after `waitMs`. A delivery
 * whose chunk is settled, deleted or has another delivery by now is done.
 */
export async function resolveUnclaimed(
  unclaimed: readonly QueuedChunk[],
  waitMs: number,
  { database, rounds, retryPolicy }: UnclaimedOptions,
): Promise<Results> {
  if (unclaimed.length === 0) {
    return new Map();
  }
  const chunkIds = [...new Set(unclaimed.map((delivery) => delivery.chunkId))];
  const expired = await expireLeases(database, { chunkIds }, retryPolicy);
  await rounds.announce(expired.rounds);
  const brought = new Set(unclaimed.map((delivery) => delivery.queueJobId));
  const rows = await database.jobChunks.findAll(chunkIds);
  return new Map(
    rows.map((row): [string, DeliveryResult] => {
      if (row.status === 'processing' && row.leaseExpiresAt) {
        return [row.id, { outcome: 'later', at: row.leaseExpiresAt, leased: true }];
      }
      const waits = row.status === 'pending' || row.status === 'retry_scheduled';
      if (waits && brought.has(row.queueJobId)) {
        return [row.id, later(waitMs)];
      }
      return row.status === 'failed' && isErrorCode(row.lastErrorCode)
        ? [row.id, { outcome: 'failed', code: row.lastErrorCode, message: row.lastError ?? '' }]
        : [row.id, { outcome: 'done' }];
    }),
  );
}
