import {
  type ChunkDelivery,
  type ChunkDispatch,
  type Delivery,
  type DocumentDelivery,
  type JobDispatch,
  type QueueName,
  queueNames,
} from '@millrace/contracts';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** How long ended deliveries are kept for Bull Board, in seconds. PostgreSQL has the whole history. */
const retention = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
} satisfies JobsOptions;

/** How many deliveries of each queue wait, wait until a later time, or are worked on. */
export type QueueDepths = Record<QueueName, { waiting: number; delayed: number; active: number }>;

/** BullMQ's largest priority; 1 is the most urgent. */
const lowestPriority = 2_097_152;
const bulkSize = 1_000;

/**
 * The producers' side of all queues. A delivery's id is the one on its row, so delivering the same dispatch twice adds
 * nothing.
 */
export class Queues {
  readonly documents: Queue<DocumentDelivery>;
  readonly chunks: Queue<ChunkDelivery>;
  readonly reembedChunks: Queue<ChunkDelivery>;
  private readonly byName: ReadonlyMap<QueueName, Queue>;

  constructor(
    private readonly connection: Redis,
    prefix: string,
  ) {
    this.byName = new Map(queueNames.map((name) => [name, new Queue(name, { connection, prefix })]));
    this.documents = this.named('documents');
    this.chunks = this.named('chunks');
    this.reembedChunks = this.named('reembed-chunks');
    for (const queue of this.all) {
      // The connection logs its faults itself. BullMQ would print them on standard error as well.
      queue.on('error', () => undefined);
    }
  }

  get all(): Queue[] {
    return [...this.byName.values()];
  }

  deliverJobs(jobs: readonly JobDispatch[]): Promise<void> {
    return this.deliver('documents', jobs, (job) => ({
      name: 'ingest',
      data: { version: 1, jobId: job.jobId, documentId: job.documentId },
      opts: optionsOf(job),
    }));
  }

  /**
   * Delivers chunks in bulk, each to its queue. Their priority is their place in the document, so that the first chunks of
   * a small document overtake the later ones of a big one.
   */
  async deliverChunks(chunks: readonly ChunkDispatch[]): Promise<void> {
    for (const [queue, dispatches] of byQueue(chunks)) {
      await this.deliver(queue, dispatches, (chunk) => ({
        name: 'embed',
        data: {
          version: 1,
          chunkId: chunk.chunkId,
          jobId: chunk.jobId,
          documentId: chunk.documentId,
          collectionId: chunk.collectionId,
        },
        opts: { ...optionsOf(chunk), priority: Math.min(chunk.chunkIndex + 1, lowestPriority) },
      }));
    }
  }

  /** Stops all workers of the queue from taking deliveries for the given milliseconds. */
  async pause(name: QueueName, forMs: number): Promise<void> {
    await this.named(name).rateLimit(Math.max(1, Math.ceil(forMs)));
  }

  /**
   * Finds the rows whose delivery will never come: Redis lost it, a person removed it, or it has ended and the row still
   * waits.
   */
  async findLost<T extends { queue: QueueName; queueJobId: string }>(rows: readonly T[]): Promise<T[]> {
    const pipeline = this.connection.pipeline();
    for (const { queue, queueJobId } of rows) {
      // Every queue job has a timestamp. It has finishedOn once it has ended.
      pipeline.hmget(this.named(queue).toKey(queueJobId), 'timestamp', 'finishedOn');
    }
    const answers = (await pipeline.exec()) ?? [];
    return rows.filter((_, i) => {
      const [error, fields] = answers[i] ?? [new Error('Redis gave no answer.')];
      if (error) {
        throw error;
      }
      const [timestamp, finishedOn] = fields as (string | null)[];
      return timestamp === null || finishedOn !== null;
    });
  }

  /**
   * Removes deliveries of all queues whose retention has passed since they ended. BullMQ does so whenever another
   * delivery ends; this is for queues in which none does. `limit` holds for each queue. @returns how many.
   */
  async removeFinished(limit: number): Promise<number> {
    let removed = 0;
    for (const queue of this.all) {
      const completed = await queue.clean(retention.removeOnComplete.age * 1000, limit, 'completed');
      const failed = await queue.clean(retention.removeOnFail.age * 1000, limit, 'failed');
      removed += completed.length + failed.length;
    }
    return removed;
  }

  /** Measures all queues. Its cost does not depend on how many deliveries there are. */
  async measure(): Promise<QueueDepths> {
    const depths = queueNames.map(async (name) => {
      const counts = await this.named(name).getJobCounts('waiting', 'prioritized', 'delayed', 'active');
      const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = counts;
      return [name, { waiting: waiting + prioritized, delayed, active }] as const;
    });
    return Object.fromEntries(await Promise.all(depths)) as QueueDepths;
  }

  async close(): Promise<void> {
    await Promise.all(this.all.map((queue) => queue.close()));
  }

  private async deliver<N extends QueueName, T>(
    name: N,
    dispatches: readonly T[],
    bulkJob: (dispatch: T) => { name: string; data: Delivery<N>; opts: JobsOptions },
  ): Promise<void> {
    const queue = this.named(name);
    for (let start = 0; start < dispatches.length; start += bulkSize) {
      await queue.addBulk(dispatches.slice(start, start + bulkSize).map(bulkJob));
    }
  }

  private named(name: QueueName): Queue {
    const queue = this.byName.get(name);
    if (!queue) {
      throw new Error(`There is no queue ${name}.`);
    }
    return queue;
  }
}

function byQueue<T extends { queue: QueueName }>(dispatches: readonly T[]): Map<T['queue'], T[]> {
  const groups = new Map<T['queue'], T[]>();
  for (const dispatch of dispatches) {
    const group = groups.get(dispatch.queue);
    if (group) {
      group.push(dispatch);
    } else {
      groups.set(dispatch.queue, [dispatch]);
    }
  }
  return groups;
}

function optionsOf({ queueJobId, delayMs }: { queueJobId: string; delayMs: number }): JobsOptions {
  return { jobId: queueJobId, ...(delayMs > 0 ? { delay: Math.ceil(delayMs) } : {}), ...retention };
}
