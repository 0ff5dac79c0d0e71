import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { concurrency, type Lane } from './lane';

/** As many deliveries in one call as Millrace adds. */
const bulkSize = 1_000;

/** BullMQ as its documentation shows it: no ids, no priorities; finished jobs go at once. */
export function bareBullMq(redisUrl: string, prefix: string): Lane {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const connection: ConnectionOptions = redis;
  const queue = new Queue('bare', { connection, prefix });
  return {
    async add(chunks) {
      for (let start = 0; start < chunks.length; start += bulkSize) {
        await queue.addBulk(
          chunks.slice(start, start + bulkSize).map(({ chunkId, jobId, documentId, collectionId }) => ({
            name: 'embed',
            data: { version: 1, chunkId, jobId, documentId, collectionId },
            opts: { removeOnComplete: true },
          })),
        );
      }
    },
    startWorker(taken) {
      const worker = new Worker('bare', async () => taken(), { connection, prefix, concurrency });
      return () => worker.close();
    },
    async close() {
      await queue.close();
      await redis.quit();
    },
  };
}
