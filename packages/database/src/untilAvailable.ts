import { setTimeout } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';

const firstWaitMs = 100;
const longestWaitMs = 2_000;

/**
 * Runs `work` again and again while the database is away, with exponential backoff and jitter, until it gets through or
 * `signal` ends the waiting. For work whose input was expensive to make, so that an outage is a pause and not a loss.
 * `work` must be repeatable: a connection that broke during COMMIT leaves it open whether it has run.
 * @throws whatever else `work` throws, and DATABASE_UNAVAILABLE once the signal has ended the waiting.
 */
export async function untilAvailable<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE') || signal.aborted) {
        throw error;
      }
      try {
        await setTimeout(waitMs * (0.5 + Math.random()), undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
}
