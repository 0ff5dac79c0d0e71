import { untilAvailable } from '@millrace/database';
import type { Logger } from '@millrace/telemetry';

export interface LeaseRenewal {
  leaseMs: number;
  /** Moves the deadline forward. */
  renew: () => Promise<void>;
  logger: Logger;
}

/**
 * Renews a lease every third of its time. While the database is unreachable a renewal is tried again until it succeeds:
 * a server that has just started lets no lease expire for five seconds, and the next regular renewal may come later
 * than that.
 * @returns a function that ends the renewing.
 */
export function renewLease({ leaseMs, renew, logger }: LeaseRenewal): () => void {
  let ended = false;
  let attempt = new AbortController();
  const renewOnce = async () => {
    // The next renewal replaces one that is still being tried: on a connection that hangs, that one would block all others.
    attempt.abort();
    attempt = new AbortController();
    const { signal } = attempt;
    try {
      await untilAvailable(renew, signal);
    } catch (error) {
      if (!ended && !signal.aborted) {
        logger.warn({ err: error }, 'a lease could not be renewed');
      }
    }
  };
  const timer = setInterval(() => void renewOnce(), leaseMs / 3);
  return () => {
    ended = true;
    clearInterval(timer);
    attempt.abort();
  };
}
