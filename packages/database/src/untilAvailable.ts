import { setTimeout } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { backoffMs } from './outage';
import { passesByItself } from './sqlErrors';

/**
 * Runs `work` again and again while the database is away, with exponential backoff and jitter, until it gets through or
 * `signal` ends the waiting. For work whose input was expensive to make, so that an outage is a pause and not a loss.
 * `work` must be repeatable: a connection that broke during COMMIT leaves it open whether it has run.
 * @throws whatever else `work` throws, and the database's own error once the signal has ended the waiting.
 */
export async function untilAvailable<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MillraceError && passesByItself(error)) || signal.aborted) {
        throw error;
      }
      try {
        await setTimeout(backoffMs(attempt), undefined, { signal });
      } catch {
        throw error;
      }
    }
  }
}
