import { type Database, untilAvailable } from '@millrace/database';
import { type ClaimedJob, renewJobLease } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';

export interface LeaseOptions {
  database: Database;
  job: Pick<ClaimedJob, 'jobId' | 'token'>;
  leaseMs: number;
  logger: Logger;
  /** Called when the job is somebody else's by now. */
  onLost: () => void;
}

/**
 * Renews the lease of a job every third of its time. With the database away a renewal is tried until it gets through:
 * a server that has just started waits five seconds for the holders of leases, and the next turn may come later.
 * @returns what ends the renewing.
 */
export function keepLease({ database, job, leaseMs, logger, onLost }: LeaseOptions): () => void {
  let ended = false;
  let trying = new AbortController();
  const renew = async () => {
    // A renewal that still tries is replaced and not waited for: its connection may hang.
    trying.abort();
    trying = new AbortController();
    try {
      if (!(await untilAvailable(() => renewJobLease(database, job, leaseMs), trying.signal))) {
        onLost();
      }
    } catch (error) {
      if (!ended) {
        logger.warn({ err: error }, 'could not renew the lease of a job');
      }
    }
  };
  const timer = setInterval(() => void renew(), leaseMs / 3);
  return () => {
    ended = true;
    clearInterval(timer);
    trying.abort();
  };
}
