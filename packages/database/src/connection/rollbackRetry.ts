import { setTimeout } from 'node:timers/promises';
import { isRolledBack } from './sqlErrors';

/** How often a transaction runs before a deadlock becomes the caller's error. */
const maxTries = 5;
const longestPauseMs = 50;

/**
 * Runs `work` again when a deadlock or a serialization failure rolled it back.
 * @throws the error of the last try.
 */
export async function retryRolledBack<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isRolledBack(error) || attempt >= maxTries) {
        throw error;
      }
      // The pause is random: the other transaction may retry too, and both must not meet again.
      await setTimeout(Math.random() * longestPauseMs);
    }
  }
}
