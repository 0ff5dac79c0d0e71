import { setTimeout as sleep } from 'node:timers/promises';
import { doomedName } from './doomed';
import type { Queryable } from './queries';

const everyMs = 200;

/** Work that is thrown away is no progress, and its end no standstill. */
const isKept = `collection_id NOT IN (SELECT id FROM collections WHERE name = '${doomedName}')`;

/** The progress of the work at one moment. */
export interface Sample {
  at: number;
  /** A sum of documents accepted and ended, jobs chunked and chunks stored. It grows while work goes on. */
  progress: number;
  documents: number;
  unfinished: number;
}

/** Samples the progress in the database. There are no samples while the database is away. */
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

  /** Returns the longest time in which work waited and nothing went on. */
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

  /** Returns how long after this moment the work went on or was done. Undefined when it never did. */
  recoveryAfter(moment: number): number | undefined {
    const before = this.samples.findLast((sample) => sample.at <= moment)?.progress ?? 0;
    const next = this.samples.find(
      (sample) => sample.at > moment && (sample.progress > before || sample.unfinished === 0),
    );
    return next && next.at - moment;
  }

  private async look(): Promise<void> {
    const { signal } = this.stopping;
    // One more sample after the stop shows the end.
    for (let isLast = false; !isLast; ) {
      isLast = signal.aborted;
      try {
        const { rows } = await this.database.query<Omit<Sample, 'at'>>(
          `SELECT count(*)::integer AS documents,
                  count(*) FILTER (WHERE status IN ('queued', 'processing'))::integer AS unfinished,
                  (count(*) + count(*) FILTER (WHERE status NOT IN ('queued', 'processing'))
                   + (SELECT count(*) FROM jobs WHERE total_chunks IS NOT NULL AND ${isKept})
                   + (SELECT count(*) FROM document_chunks WHERE ${isKept}))::integer AS progress
           FROM documents WHERE ${isKept}`,
        );
        const [row] = rows;
        if (row) {
          this.samples.push({ at: Date.now(), ...row });
        }
      } catch {
        // The server is down, because of a fault of the plan or of one that the checks at the end will find.
      }
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }
}
