import {
  type ChunkDelivery,
  type ChunkDispatch,
  type ChunkQueueName,
  type Delivery,
  type DocumentDelivery,
  type JobDispatch,
  type QueueName,
  queueNames,
} from '@millrace/contracts';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { FairShare } from './fairShare';

/** How long ended deliveries are kept for Bull Board, in seconds. PostgreSQL has the whole history. */
const retention = {
  removeOnComplete: { age: 3_600, count: 1_000 },
  removeOnFail: { age: 7 * 86_400, count: 10_000 },
} satisfies JobsOptions;

/** How many deliveries of each queue wait, wait until a later time, or are worked on. */
export type QueueDepths = Record<QueueName, { waiting: number; delayed: number; active: number }>;

const bulkSize = 1_000;

/**
 * How many documents of one collection make a unit of the virtual time of each queue. Chunks are counted in sixteens, so that
 * the times last for thirty million of them before the queue must be empty once.
 */
const stepsOf: Record<QueueName, number> = { documents: 1, chunks: 16, 'reembed-chunks': 16 };

/**
 * The producers' side of all queues. A delivery's id is the one on its row, so delivering the same dispatch twice adds
 * nothing.
 */
export class Queues {
  readonly documents: Queue<DocumentDelivery>;
  readonly chunks: Queue<ChunkDelivery>;
  readonly reembedChunks: Queue<ChunkDelivery>;
  private readonly byName: ReadonlyMap<QueueName, Queue>;
  private readonly shares = new Map<QueueName, FairShare>();

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

  /** Delivers jobs. Collections take turns, and the documents of one collection come in their order. */
  async deliverJobs(jobs: readonly JobDispatch[]): Promise<void> {
    for (const part of inBulks(jobs)) {
      const places = part.map(({ collectionId }) => ({ collectionId, isFirst: true }));
      const priorities = await this.fairShare('documents').reserve(places);
      await this.deliver('documents', part, (job, i) => ({
        name: 'ingest',
        data: { version: 1, jobId: job.jobId, documentId: job.documentId },
        opts: { ...optionsOf(job), priority: priorities[i]?.(0) ?? 1 },
      }));
    }
  }

  /**
   * Delivers chunks in bulk, each to its queue. Collections take turns. Within a collection the first chunks of a small
   * document overtake the later ones of a big one.
   */
  async deliverChunks(chunks: readonly ChunkDispatch[]): Promise<void> {
    for (const [queue, dispatches] of byQueue(chunks)) {
      for (const part of inBulks(dispatches)) {
        await this.deliverPart(queue, part);
      }
    }
  }

  private async deliverPart(queue: ChunkQueueName, chunks: readonly ChunkDispatch[]): Promise<void> {
    const first = new Map<string, ChunkDispatch>();
    for (const chunk of chunks) {
      const known = first.get(chunk.jobId);
      if (!known || chunk.chunkIndex < known.chunkIndex) {
        first.set(chunk.jobId, chunk);
      }
    }
    const firsts = [...first.values()];
    const reserved = await this.fairShare(queue).reserve(
      firsts.map(({ collectionId, chunkIndex }) => ({ collectionId, isFirst: chunkIndex === 0 })),
    );
    const priorityOf = new Map(firsts.map(({ jobId }, i) => [jobId, reserved[i]]));
    await this.deliver(queue, chunks, (chunk) => ({
      name: 'embed',
      data: {
        version: 1,
        chunkId: chunk.chunkId,
        jobId: chunk.jobId,
        documentId: chunk.documentId,
        collectionId: chunk.collectionId,
      },
      opts: { ...optionsOf(chunk), priority: priorityOf.get(chunk.jobId)?.(chunk.chunkIndex) ?? 1 },
    }));
  }

  /** Notes that a worker has taken a delivery, so that the collections that come now take turns with the others. */
  noteTaken(name: QueueName, priority: number): void {
    this.fairShare(name).note(priority);
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
    for (const share of this.shares.values()) {
      share.close();
    }
    await Promise.all(this.all.map((queue) => queue.close()));
  }

  private async deliver<N extends QueueName, T>(
    name: N,
    dispatches: readonly T[],
    bulkJob: (dispatch: T, index: number) => { name: string; data: Delivery<N>; opts: JobsOptions },
  ): Promise<void> {
    await this.named(name).addBulk(dispatches.map(bulkJob));
  }

  private fairShare(name: QueueName): FairShare {
    const known = this.shares.get(name);
    const share = known ?? new FairShare(this.connection, (part) => this.named(name).toKey(part), stepsOf[name]);
    this.shares.set(name, share);
    return share;
  }

  private named(name: QueueName): Queue {
    const queue = this.byName.get(name);
    if (!queue) {
      throw new Error(`There is no queue ${name}.`);
    }
    return queue;
  }
}

/** Divides dispatches into parts that Redis takes at once. */
function* inBulks<T>(dispatches: readonly T[]): Generator<T[]> {
  for (let start = 0; start < dispatches.length; start += bulkSize) {
    yield dispatches.slice(start, start + bulkSize);
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
