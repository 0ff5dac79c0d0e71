import {
  type ChunkDelivery,
  type ChunkDispatch,
  type DocumentDelivery,
  type JobDispatch,
  queueNames,
} from '@millrace/contracts';
import type { WaitingRow } from '@millrace/database';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Kept in Redis for Bull Board to show, in seconds; Postgres has the whole history. */
const retention = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
} satisfies JobsOptions;

export type QueueName = keyof typeof queueNames;

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

  constructor(
    private readonly connection: Redis,
    prefix: string,
  ) {
    this.documents = new Queue(queueNames.documents, { connection, prefix });
    this.chunks = new Queue(queueNames.chunks, { connection, prefix });
    for (const queue of [this.documents, this.chunks]) {
      // The connection logs its faults itself; BullMQ would print them on standard error as well.
      queue.on('error', () => undefined);
    }
  }

  deliverJob(job: JobDispatch): Promise<void> {
    return this.deliverJobs([job]);
  }

  async deliverJobs(jobs: readonly JobDispatch[]): Promise<void> {
    for (let start = 0; start < jobs.length; start += bulkSize) {
      await this.documents.addBulk(
        jobs.slice(start, start + bulkSize).map((job) => ({
          name: 'ingest',
          data: { version: 1, jobId: job.jobId, documentId: job.documentId },
          opts: { jobId: job.queueJobId, ...delayOf(job.delayMs), ...retention },
        })),
      );
    }
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
          data: {
            version: 1,
            chunkId: chunk.chunkId,
            jobId: chunk.jobId,
            documentId: chunk.documentId,
            collectionId: chunk.collectionId,
          },
          opts: {
            jobId: chunk.queueJobId,
            priority: Math.min(chunk.chunkIndex + 1 + (chunk.priority ?? 0), lowestPriority),
            ...delayOf(chunk.delayMs),
            ...retention,
          },
        })),
      );
    }
  }

  /** Has all workers of the queue take no delivery for so many milliseconds. */
  async pause(name: QueueName, forMs: number): Promise<void> {
    const queue: Queue = this[name];
    await queue.rateLimit(Math.max(1, Math.ceil(forMs)));
  }

  /**
   * Those of the rows whose delivery will never come: Redis has lost it, somebody removed it, or it is over and the row
   * still waits.
   */
  async findLost(name: QueueName, rows: readonly WaitingRow[]): Promise<WaitingRow[]> {
    const queue: Queue = this[name];
    const pipeline = this.connection.pipeline();
    for (const { queueJobId } of rows) {
      // Every queue job has a timestamp, and finishedOn from its end on.
      pipeline.hmget(queue.toKey(queueJobId), 'timestamp', 'finishedOn');
    }
    const answers = (await pipeline.exec()) ?? [];
    return rows.filter((_, i) => {
      const [error, fields] = answers[i] ?? [new Error('Redis gave no answer')];
      if (error) {
        throw error;
      }
      const [timestamp, finishedOn] = fields as (string | null)[];
      return timestamp === null || finishedOn !== null;
    });
  }

  /**
   * Removes deliveries that were finished longer ago than they are kept. BullMQ does so itself whenever another one
   * finishes; this is for queues where none does. @returns how many.
   */
  async removeFinished(name: QueueName, limit: number): Promise<number> {
    const queue: Queue = this[name];
    const completed = await queue.clean(retention.removeOnComplete.age * 1000, limit, 'completed');
    const failed = await queue.clean(retention.removeOnFail.age * 1000, limit, 'failed');
    return completed.length + failed.length;
  }

  async close(): Promise<void> {
    await Promise.all([this.documents.close(), this.chunks.close()]);
  }
}

function delayOf(delayMs: number): JobsOptions {
  return delayMs > 0 ? { delay: Math.ceil(delayMs) } : {};
}
