import { setTimeout } from 'node:timers/promises';
import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import type { Queues } from '@millrace/queues';
import type { Logger } from '@millrace/telemetry';

/** Between two pieces a delivery can be stopped. Ten thousand deliveries take Redis about a second. */
const pieceSize = 1_000;
const loggedJobs = 10;

/**
 * Makes deliveries after the commit that wrote their dispatches. No call rejects: a delivery that cannot be made is
 * logged, and the reconciler makes it later, because its row says that it is due.
 */
export class Deliveries {
  private readonly underWay = new Set<Promise<void>>();
  private stopped = false;

  constructor(
    private readonly queues: Queues,
    private readonly logger: Logger,
  ) {}

  /** Delivers chunks. @returns when that has ended, successfully or not. */
  chunks(dispatches: readonly ChunkDispatch[]): Promise<void> {
    return this.begin('chunks', dispatches, (piece) => this.queues.deliverChunks(piece));
  }

  /** Delivers jobs. @returns when that has ended, successfully or not. */
  jobs(dispatches: readonly JobDispatch[]): Promise<void> {
    return this.begin('jobs', dispatches, (piece) => this.queues.deliverJobs(piece));
  }

  /** Waits until the running deliveries are made. After `graceMs` it stops waiting, and the reconciler makes the rest. */
  async finish(graceMs: number): Promise<void> {
    await Promise.race([Promise.all(this.underWay), setTimeout(graceMs, undefined, { ref: false })]);
    this.stopped = true;
  }

  private begin<T extends { jobId: string }>(
    what: string,
    dispatches: readonly T[],
    deliver: (piece: T[]) => Promise<void>,
  ): Promise<void> {
    const delivery = this.inPieces(dispatches, deliver)
      .catch((error) => {
        const jobIds = [...new Set(dispatches.map((dispatch) => dispatch.jobId))].slice(0, loggedJobs);
        this.logger.warn({ err: error, [what]: dispatches.length, jobIds }, 'deliveries could not be made now');
      })
      .finally(() => this.underWay.delete(delivery));
    this.underWay.add(delivery);
    return delivery;
  }

  private async inPieces<T>(dispatches: readonly T[], deliver: (piece: T[]) => Promise<void>): Promise<void> {
    for (let start = 0; start < dispatches.length; start += pieceSize) {
      if (this.stopped) {
        throw new Error('The service is stopping.');
      }
      await deliver(dispatches.slice(start, start + pieceSize));
    }
  }
}
