import { setTimeout as sleep } from 'node:timers/promises';
import type { Queryable } from './queries';

const everyMs = 200;

/** How far the work had come at one moment. */
export interface Sample {
  at: number;
  /** Documents accepted and ended, jobs chunked, chunks stored: grows with everything that goes on. */
  progress: number;
  documents: number;
  unfinished: number;
}

/** Looks at the database all the time to see how the work goes on; while it is away nothing is seen. */
export class Watch {
  readonly samples: Sample[] = [];
  private readonly stopping = new AbortController();
  private readonly looking: Promise<void>;

  constructor(private readonly database: Queryable) {
    this.looking = this.look();
  }

  get last(): Sample | undefined {
    return this.samples.at(-1);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.looking;
  }

  /** The longest time in which there was work and nothing went on. */
  longestStandstill(): { ms: number; from: number } {
    let longest = { ms: 0, from: 0 };
    let since: Sample | undefined;
    for (const sample of this.samples) {
      if (!since || sample.progress > since.progress || since.unfinished === 0) {
        since = sample;
      } else if (sample.at - since.at > longest.ms) {
        longest = { ms: sample.at - since.at, from: since.at };
      }
    }
    return longest;
  }

  /** How long after this moment the work went on or was done; undefined when it never did. */
  recoveryAfter(moment: number): number | undefined {
    const before = this.samples.findLast((sample) => sample.at <= moment)?.progress ?? 0;
    const next = this.samples.find(
      (sample) => sample.at > moment && (sample.progress > before || sample.unfinished === 0),
    );
    return next && next.at - moment;
  }

  private async look(): Promise<void> {
    const { signal } = this.stopping;
    // Once more after the stop, so that the end is seen as well.
    for (let isLast = false; !isLast; ) {
      isLast = signal.aborted;
      try {
        const { rows } = await this.database.query<Omit<Sample, 'at'>>(
          `SELECT count(*)::integer AS documents,
                  count(*) FILTER (WHERE status IN ('queued', 'processing'))::integer AS unfinished,
                  (count(*) + count(*) FILTER (WHERE status NOT IN ('queued', 'processing'))
                   + (SELECT count(*) FROM jobs WHERE total_chunks IS NOT NULL)
                   + (SELECT count(*) FROM document_chunks))::integer AS progress
           FROM documents`,
        );
        const [row] = rows;
        if (row) {
          this.samples.push({ at: Date.now(), ...row });
        }
      } catch {
        // The server is down: a fault of ours, or one that the checks at the end will find.
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
