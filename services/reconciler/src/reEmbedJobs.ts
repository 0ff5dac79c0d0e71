import type { Database } from '@millrace/database';
import { beginReEmbedJobs, countOpenReEmbedChunks } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { firstId } from './lostDeliveries';

/** The most chunks that are under way. The database holds their texts a second time, and Redis their deliveries. */
const mostOpenChunks = 20_000;
/** Documents that are looked at in one transaction, and how long one sweep goes on with further ones, in milliseconds. */
const documentsPerLook = 1_000;
const longestMs = 2_000;

/**
 * Makes a sweep that works during a change of the model. It walks over the documents and begins jobs for stored chunks
 * that have no vector of the next model. Each sweep goes on where the last one ended. After the last document it begins
 * again, because documents have come or changed meanwhile.
 */
export function reEmbedJobs(options: {
  database: Database;
  queues: Queues;
  jobMaxRetries: number;
  chunkMaxRetries: number;
  openChunks?: number;
}): () => Promise<number> {
  const { database, queues, jobMaxRetries, chunkMaxRetries, openChunks = mostOpenChunks } = options;
  let after = firstId;
  return async () => {
    const { next } = await database.embeddingModels.find();
    if (next === null) {
      after = firstId;
      return 0;
    }
    const until = performance.now() + longestMs;
    let room = openChunks - (await countOpenReEmbedChunks(database, next));
    let begun = 0;
    while (room > 0) {
      const looked = await beginReEmbedJobs(database, next, {
        after,
        documents: documentsPerLook,
        chunks: room,
        jobMaxRetries,
        chunkMaxRetries,
      });
      if (looked === null) {
        break;
      }
      const { last, dispatches } = looked;
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
