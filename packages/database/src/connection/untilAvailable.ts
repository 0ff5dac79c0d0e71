import { setTimeout } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { backoffMs } from './outage';
import { isTransient, tookTooLong } from './sqlErrors';

/** So often work may take too long: a busy database comes to rest, but what is too much for it stays too much. */
const mostTimeouts = 3;

/**
 * Runs `work` again and again while the database is away, with exponential backoff and jitter, until it gets through or
 * `signal` ends the waiting. For work whose input was expensive to make, so that an outage is a pause and not a loss.
 * `work` must be repeatable: a connection that broke during COMMIT leaves it open whether it has run.
 * @throws whatever else `work` throws, the third time-out of a statement, and the database's own error once the signal has
 * ended the waiting.
 */
export async function untilAvailable<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  let timeouts = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof MillraceError && isTransient(error)) || signal.aborted) {
        throw error;
      }
      timeouts += tookTooLong(error) ? 1 : 0;
      if (timeouts === mostTimeouts) {
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
