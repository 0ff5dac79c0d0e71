import { setTimeout } from 'node:timers/promises';
import type { ChunkDispatch, JobDispatch } from '@millrace/contracts';
import type { Queues } from '@millrace/queues';
import type { Logger } from '@millrace/telemetry';

const pieceSize = 1_000;

/**
 * Deliveries that no client waits for: ten thousand take Redis about a second, and their rows say already that they
 * are to be made. What cannot be delivered is logged, and the reconciler delivers it.
 */
export class Deliveries {
  private readonly underWay = new Set<Promise<void>>();
  private stopping = false;

  constructor(
    private readonly queues: Queues,
    private readonly logger: Logger,
  ) {}

  /** Begins to deliver chunks. @returns when that has ended, well or not. */
  chunks(dispatches: readonly ChunkDispatch[]): Promise<void> {
    return this.begin('chunks', dispatches, (piece) => this.queues.deliverChunks(piece));
  }

  /** Begins to deliver jobs. @returns when that has ended, well or not. */
  jobs(dispatches: readonly JobDispatch[]): Promise<void> {
    return this.begin('jobs', dispatches, (piece) => this.queues.deliverJobs(piece));
  }

  /** Waits for what is under way; after `graceMs` the rest is left to the reconciler. */
  async finish(graceMs: number): Promise<void> {
    await Promise.race([Promise.all(this.underWay), setTimeout(graceMs, undefined, { ref: false })]);
    this.stopping = true;
  }

  private begin<T>(what: string, dispatches: readonly T[], deliver: (piece: T[]) => Promise<void>): Promise<void> {
    const delivery = this.inPieces(dispatches, deliver)
      .catch((error) =>
        this.logger.warn({ [what]: dispatches.length, err: error }, 'retries could not be delivered yet'),
      )
      .finally(() => this.underWay.delete(delivery));
    this.underWay.add(delivery);
    return delivery;
  }

  private async inPieces<T>(dispatches: readonly T[], deliver: (piece: T[]) => Promise<void>): Promise<void> {
    for (let start = 0; start < dispatches.length; start += pieceSize) {
      if (this.stopping) {
        throw new Error('The API is stopping');
      }
      await deliver(dispatches.slice(start, start + pieceSize));
    }
  }
}
