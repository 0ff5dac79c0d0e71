import { setTimeout } from 'node:timers/promises';
import { RetryableConnectionError } from './outageRetry';
import type { Pool } from './pool';
import { findMismatch, isSameServer, readReplicationState } from './replicationState';

/** How often the replica is checked within the time that it may lag. It is checked at least once a second. */
const checksPerLag = 4;
const longestBetweenMs = 1_000;

/** A log position of the primary, and when (on our clock) the primary had written it. */
interface Mark {
  at: number;
  lsn: bigint;
}

/**
 * Knows whether a read replica is fresh enough to be read. The replica has everything that was committed up to the moment
 * at which the primary's log was where the replica's is now. The age of the last replayed transaction is not the lag:
 * the replica of an idle primary would seem stale, and a replica that is cut off from a busy primary would seem fresh.
 *
 * The "replica" may also be the primary itself, under a role that can only read. Then it lags behind nothing.
 */
export class Replica {
  /** The replica has everything that was committed up to this moment of our clock. */
  private completeUntil = Number.NEGATIVE_INFINITY;
  /** The marks that the replica has not reached yet, and the last one that it has. Oldest first. */
  private marks: Mark[] = [];
  private reportedAsRead = true;
  private readonly startedAt = performance.now();
  private readonly stopping = new AbortController();

  /** @param onChange called with the reason when the replica can no longer be read, and with null when it can again. */
  constructor(
    private readonly primary: Pool,
    readonly pool: Pool,
    private readonly maxLagMs: number,
    private readonly onChange: (whyNot: string | null) => void,
  ) {
    void this.watch();
  }

  isFresh(): boolean {
    return performance.now() - this.completeUntil <= this.maxLagMs;
  }

  /** Marks the replica as failed. It is not read until the next check finds it fresh. */
  distrust(): void {
    this.completeUntil = Number.NEGATIVE_INFINITY;
  }

  async close(): Promise<void> {
    this.stopping.abort();
    await this.pool.close();
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      // When a server does not answer, `completeUntil` stays as it is, and the replica becomes stale in time.
      const whyNot = await this.check().catch(messageOf);
      this.report(whyNot, signal);
      await setTimeout(Math.min(this.maxLagMs / checksPerLag, longestBetweenMs), undefined, { signal }).catch(
        () => undefined,
      );
    }
  }

  private report(whyNot: string | null, stopping: AbortSignal): void {
    const isRead = this.isFresh();
    // Just after the start it may take more than one check to know.
    const isKnown = isRead || performance.now() - this.startedAt > this.maxLagMs;
    if (isRead !== this.reportedAsRead && isKnown && !stopping.aborted) {
      this.reportedAsRead = isRead;
      this.onChange(isRead ? null : (whyNot ?? `it is more than ${this.maxLagMs} ms behind`));
    }
  }

  /** Updates `completeUntil`. @returns why the replica can never be read, or null when it can. */
  private async check(): Promise<string | null> {
    const at = performance.now();
    const primary = await readReplicationState(this.primary);
    const reader = await readReplicationState(this.pool);
    const mismatch = findMismatch(primary, reader);
    if (mismatch !== null) {
      this.marks = [];
      this.distrust();
      return mismatch;
    }
    this.marks.push({ at, lsn: primary.lsn });
    const reached = isSameServer(primary, reader)
      ? this.marks.at(-1)
      : this.marks.filter((mark) => mark.lsn <= reader.lsn).at(-1);
    if (reached) {
      this.completeUntil = reached.at;
    }
    const oldest = performance.now() - this.maxLagMs;
    this.marks = this.marks.filter((mark) => mark.at > oldest);
    return null;
  }
}

function messageOf(thrown: unknown): string {
  const error = thrown instanceof RetryableConnectionError ? thrown.reason : thrown;
  return error instanceof Error ? error.message : String(error);
}
