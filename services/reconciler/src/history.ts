import type { Database, ListPlace } from '@millrace/database';
import { pruneHistory } from '@millrace/lifecycle';

/** What one sweep removes at most, so that it holds its locks briefly. */
const jobsPerSweep = 100;
const chunksPerSweep = 10_000;
/** The wait after all old history was looked at. */
const restMs = 60_000;

/**
 * Makes a sweep that removes history whose retention is over, some jobs a turn. Each sweep continues where the last one
 * ended. After the last job it rests a while.
 */
export function history(options: { database: Database; historyRetentionMs: number }): () => Promise<number> {
  const { database, historyRetentionMs } = options;
  let after: ListPlace | null = null;
  let restsUntil = 0;
  return async () => {
    if (performance.now() < restsUntil) {
      return 0;
    }
    const limits = { jobs: jobsPerSweep, chunks: chunksPerSweep };
    const { removed, chunks, next } = await pruneHistory(database, {
      olderThanMs: historyRetentionMs,
      after,
      ...limits,
    });
    after = next;
    if (next === null && removed + chunks === 0) {
      restsUntil = performance.now() + restMs;
    }
    return removed + chunks;
  };
}
