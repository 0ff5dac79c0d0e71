import { setTimeout } from 'node:timers/promises';
import type { Database } from './database';
import type { Session } from './session';

/**
 * How long a statement waits for a table's lock before it gives up and lets others pass. It is longer than PostgreSQL's
 * deadlock_timeout of a second, because only after that does an autovacuum end in favour of a waiting statement.
 */
const lockTimeoutMs = 2_000;
const firstPauseMs = 1_000;
const longestPauseMs = 30_000;
/** SQLSTATE lock_not_available and deadlock_detected. */
const lockErrors: readonly unknown[] = ['55P03', '40P01'];

/**
 * Runs `work` in a transaction with a short lock timeout, since other statements queue behind a waiting one. It tries again
 * with growing pauses until the locks are free. @throws the signal's reason.
 */
export async function withShortLocks<T>(
  database: Pick<Database, 'transaction'>,
  { signal, onHeldUp }: { signal?: AbortSignal | undefined; onHeldUp?: (() => Promise<void>) | undefined },
  work: (session: Session) => Promise<T>,
): Promise<T> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    signal?.throwIfAborted();
    try {
      return await database.transaction(async (session) => {
        await session.sql.none(`SET LOCAL lock_timeout = ${lockTimeoutMs}`);
        return work(session);
      });
    } catch (error) {
      if (!lockErrors.includes((error as { code?: unknown }).code)) {
        throw error;
      }
      await onHeldUp?.();
      await setTimeout(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    }
  }
}
