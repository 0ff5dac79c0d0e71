import { setTimeout } from 'node:timers/promises';
import { MillraceError } from '@millrace/contracts';
import { backoffMs } from './outageRetry';
import { isTransient, tookTooLong } from './sqlErrors';

/** How often work may time out. A busy database recovers, but work that is too much for it stays too much. */
const maxTimeouts = 3;

/**
 * Runs `work` again while the database is unavailable, with exponential backoff and jitter, until it succeeds or `signal`
 * ends the waiting. For work whose input was expensive to make. `work` must be repeatable, because a connection that broke
 * during COMMIT leaves open whether it ran.
 * @throws the third timeout of a statement, the database's error once `signal` has ended the waiting, and every other
 *   error of `work`.
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
      if (timeouts === maxTimeouts) {
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
