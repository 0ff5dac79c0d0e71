import {
  type ChunkDelivery,
  type ChunkDispatch,
  type DocumentDelivery,
  type JobDispatch,
  queueNames,
} from '@millrace/contracts';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Kept in Redis for Bull Board to show; Postgres has the whole history. */
const retention = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
} satisfies JobsOptions;

/** BullMQ's largest priority; 1 is the most urgent. */
const lowestPriority = 2_097_152;
const bulkSize = 1_000;

/**
 * The producers' side of both queues. The queue job's id is the one that stands on the row, so delivering the same
 * dispatch twice adds nothing.
 */
export class Queues {
  readonly documents: Queue<DocumentDelivery>;
  readonly chunks: Queue<ChunkDelivery>;

  constructor(connection: Redis, prefix: string) {
    this.documents = new Queue(queueNames.documents, { connection, prefix });
    this.chunks = new Queue(queueNames.chunks, { connection, prefix });
  }

  async deliverJob(job: JobDispatch): Promise<void> {
    await this.documents.add(
      'ingest',
      { version: 1, jobId: job.jobId, documentId: job.documentId },
      { jobId: job.queueJobId, ...retention },
    );
  }

  /**
   * Delivers chunks in bulk. Their priority is their place in the document, so that the first chunks of a small
   * document overtake the later ones of a big one.
   */
  async deliverChunks(chunks: readonly ChunkDispatch[]): Promise<void> {
    for (let start = 0; start < chunks.length; start += bulkSize) {
      await this.chunks.addBulk(
        chunks.slice(start, start + bulkSize).map((chunk) => ({
          name: 'embed',
          data: { version: 1, chunkId: chunk.chunkId, jobId: chunk.jobId, documentId: chunk.documentId },
          opts: {
            jobId: chunk.queueJobId,
            priority: Math.min(chunk.chunkIndex + 1, lowestPriority),
            ...(chunk.delayMs > 0 ? { delay: Math.ceil(chunk.delayMs) } : {}),
            ...retention,
          },
        })),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.documents.close(), this.chunks.close()]);
  }
}
