import { setTimeout } from 'node:timers/promises';
import { NotDone } from './outage';
import type { Pool } from './pool';
import { isSameServer, standingOf, whyUnrelated } from './replicationState';

/** The replica is looked at so often within the time it may lag, but not less than once a second. */
const looksPerLag = 4;
const longestBetweenMs = 1_000;

/** How far the primary had written its log at a time of our own clock. */
interface Mark {
  at: number;
  lsn: bigint;
}

function messageOf(error: unknown): string {
  const said = error instanceof NotDone ? error.reason : error;
  return said instanceof Error ? said.message : String(said);
}

/**
 * Knows whether a replica is fresh enough to be read. It has everything that was committed by the time at which the
 * primary's log stood where the replica has got to. The age of the last transaction, which is often taken for the lag,
 * would call the replica of an idle primary stale, and one that is cut off from a busy primary fresh.
 *
 * It may also be the primary itself, under a role that can only read: then it lags behind nothing.
 */
export class Replica {
  /** Of our clock: the replica has everything that was committed until then. */
  private completeUntil = Number.NEGATIVE_INFINITY;
  /** What the replica has not reached yet, and the last one it has; oldest first. */
  private marks: Mark[] = [];
  /** What has been told of it last: whether it is read. */
  private toldRead = true;
  private readonly began = performance.now();
  private readonly stopping = new AbortController();

  /** @param onChange told when it is read no more, and why; and when it is read again, with null. */
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

  /** It has failed: nobody reads from it before it has been looked at again. */
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
      // Either server may be away: the replica is then as fresh as it was known to be, and ages.
      const whyNot = await this.look().catch(messageOf);
      this.tell(whyNot, signal);
      await setTimeout(Math.min(this.maxLagMs / looksPerLag, longestBetweenMs), undefined, { signal }).catch(
        () => undefined,
      );
    }
  }

  private tell(whyNot: string | null, stopping: AbortSignal): void {
    const isRead = this.isFresh();
    // At first it may take more than one look to know.
    const isKnown = isRead || performance.now() - this.began > this.maxLagMs;
    if (isRead !== this.toldRead && isKnown && !stopping.aborted) {
      this.toldRead = isRead;
      this.onChange(isRead ? null : (whyNot ?? `it is more than ${this.maxLagMs} ms behind`));
    }
  }

  /** @returns why it cannot be read however fresh it may be, if so. */
  private async look(): Promise<string | null> {
    const at = performance.now();
    const primary = await standingOf(this.primary);
    const reader = await standingOf(this.pool);
    const unrelated = whyUnrelated(primary, reader);
    if (unrelated !== null) {
      this.marks = [];
      this.distrust();
      return unrelated;
    }
    this.marks.push({ at, lsn: primary.lsn });
    const passed = isSameServer(primary, reader)
      ? this.marks.at(-1)
      : this.marks.filter((mark) => mark.lsn <= reader.lsn).at(-1);
    if (passed) {
      this.completeUntil = passed.at;
    }
    const oldest = performance.now() - this.maxLagMs;
    this.marks = this.marks.filter((mark) => mark.at > oldest);
    return null;
  }
}
