import type { Database } from '@millrace/database';
import { beginReEmbedJobs, countOpenReEmbedChunks } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { firstId } from './lostDeliveries';

/** So many chunks are under way at most: their texts stand in the database a second time, their deliveries in Redis. */
const mostOpenChunks = 20_000;
/** Documents looked at in one transaction, and how long one sweep goes on with the next, in milliseconds. */
const documentsPerLook = 1_000;
const longestMs = 2_000;

/**
 * While the vectors are being changed to another model, walks over the documents and has the stored chunks embedded that
 * have no vector of it. Where one sweep ends the next goes on; after the last document it begins again, for those that have
 * come or changed meanwhile.
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
