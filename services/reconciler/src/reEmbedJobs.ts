import type { Database } from '@millrace/database';
import { beginReEmbedJobs, countOpenReEmbedChunks } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { firstId } from './lostDeliveries';

/** The largest number of open chunks. The database holds a second copy of their texts, and Redis their deliveries. */
const maxOpenChunks = 20_000;
/** Documents that are checked in one transaction. */
const documentsPerPage = 1_000;
/** A sweep begins no further transaction after this time. */
const maxSweepMs = 2_000;

/**
 * Makes a sweep that works during a re-embedding. It goes through the documents and begins jobs for stored chunks that have
 * no vector of the next model. Each sweep continues where the last one ended. After the last document it begins again,
 * because documents may have been added or changed.
 */
export function reEmbedJobs(options: {
  database: Database;
  queues: Queues;
  jobMaxRetries: number;
  chunkMaxRetries: number;
  openChunks?: number;
}): () => Promise<number> {
  const { database, queues, jobMaxRetries, chunkMaxRetries, openChunks = maxOpenChunks } = options;
  let after = firstId;
  return async () => {
    const { next } = await database.embeddingModels.find();
    if (next === null) {
      after = firstId;
      return 0;
    }
    const until = performance.now() + maxSweepMs;
    let room = openChunks - (await countOpenReEmbedChunks(database, next));
    let begun = 0;
    while (room > 0) {
      const page = await beginReEmbedJobs(database, next, {
        after,
        documents: documentsPerPage,
        chunks: room,
        jobMaxRetries,
        chunkMaxRetries,
      });
      if (page === null) {
        break;
      }
      const { last, dispatches } = page;
      after = last ?? firstId;
      room -= dispatches.length;
      begun += new Set(dispatches.map((dispatch) => dispatch.jobId)).size;
      await queues.deliverChunks(dispatches);
      if (last === null || performance.now() > until) {
        break;
      }
    }
    return begun;
  };
}
