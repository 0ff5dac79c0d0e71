import { setTimeout } from 'node:timers/promises';

const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** How long to wait before try number `attempt` + 1: twice as long each time up to a second, and half of that more or less. */
export function backoffMs(attempt: number): number {
  return Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs) * (0.5 + Math.random());
}

/** The connection could not be made or was lost, and the work has surely left nothing behind: it may be run again. */
export class NotDone extends Error {
  /** @param reason what was lost, translated. */
  constructor(readonly reason: unknown) {
    super('The connection was lost and the work was not done', { cause: reason });
  }
}

/** Waits out short outages of one database, so that a restart of the server is a pause and not an error. */
export class Patience {
  private readonly ended = new AbortController();

  /** @param limitMs how long the server may be away, in milliseconds; with 0 nothing waits. */
  constructor(private readonly limitMs: number) {}

  /** From now on nothing waits. */
  end(): void {
    this.ended.abort();
  }

  /**
   * Runs `work`, and again, with exponential backoff and jitter, while it throws NotDone.
   * @throws whatever else it throws; the reason, DATABASE_UNAVAILABLE, once the outage has lasted too long.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let giveUpAt = Number.POSITIVE_INFINITY;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof NotDone)) {
          throw error;
        }
        giveUpAt = Math.min(giveUpAt, performance.now() + this.limitMs);
        const pauseMs = backoffMs(attempt);
        if (performance.now() + pauseMs > giveUpAt || !(await this.pause(pauseMs))) {
          throw error.reason;
        }
      }
    }
  }

  /** @returns false when the waiting was ended meanwhile. */
  private async pause(ms: number): Promise<boolean> {
    try {
      await setTimeout(ms, undefined, { signal: this.ended.signal });
      return true;
    } catch {
      return false;
    }
  }
}
