import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';

const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** Returns the pause after try number `attempt`: it doubles up to a second, with jitter of half of it either way. */
export function backoffMs(attempt: number): number {
  return Math.min(firstPauseMs * 2 ** (attempt - 1), longestPauseMs) * (0.5 + Math.random());
}

/** The connection could not be made or was lost, and the work is known to have changed nothing. It may run again. */
export class RetryableConnectionError extends Error {
  /** @param reason the translated error of the connection. */
  constructor(readonly reason: unknown) {
    super('The connection was lost before the work was done.', { cause: reason });
  }
}

/** Retries work during short outages of one database, so that a restart of the server is a pause and not an error. */
export class OutageRetry {
  private readonly stopped = new AbortController();

  /** @param limitMs how long an outage may last, in milliseconds. With 0, work is not tried again. */
  constructor(private readonly limitMs: number) {
    // Every request that waits for the database listens to it.
    setMaxListeners(0, this.stopped.signal);
  }

  /** Stops the retries: every outage is an error at once from now on. */
  stop(): void {
    this.stopped.abort();
  }

  /**
   * Runs `work`, and runs it again with exponential backoff and jitter while it throws RetryableConnectionError.
   * @throws the error's reason, DATABASE_UNAVAILABLE, once the outage has lasted too long. Other errors pass unchanged.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    let giveUpAt = Number.POSITIVE_INFINITY;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof RetryableConnectionError)) {
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

  /** @returns false when `stop` ended the pause. */
  private async pause(ms: number): Promise<boolean> {
    try {
      await setTimeout(ms, undefined, { signal: this.stopped.signal });
      return true;
    } catch {
      return false;
    }
  }
}
