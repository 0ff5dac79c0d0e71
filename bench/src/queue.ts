import { randomBytes } from 'node:crypto';
import { type ChunkDispatch, newId } from '@millrace/contracts';
import { closeConnection, createDeliveryMetrics, Queues, QueueWorker, workerConnection } from '@millrace/queues';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { type ConnectionOptions, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { withCleanUp } from './cleanUp';
import type { Options } from './options';
import { removeQueueKeys } from './queueKeys';
import type { BenchmarkResult } from './report';
import { medianOf } from './statistics';

/** A way to bring chunk deliveries through Redis to a worker. */
interface Transport {
  add(chunks: readonly ChunkDispatch[]): Promise<void>;
  /** Starts a worker that calls `taken` for each delivery. @returns a function that stops it. */
  startWorker(taken: () => void): () => Promise<void>;
  close(): Promise<void>;
}

/** How many deliveries a worker has in hand, as an embedder by default. */
const concurrency = 192;
/** How many deliveries go into one call, as in Millrace. */
const bulkSize = 1_000;

/**
 * Brings chunk deliveries through Millrace's queues (priorities, ids that make a second delivery harmless, checked payloads,
 * metrics) and through BullMQ with the same payloads and nothing around it: added in bulk, then taken by one worker.
 */
export async function queue({ environment, quick }: Options): Promise<BenchmarkResult> {
  const redisUrl = environment.REDIS_URL ?? '';
  const count = quick ? 2_000 : 20_000;
  const rounds = quick ? 1 : 5;
  const transports = { ours, bare };
  const times = { ours: [] as Seconds[], bare: [] as Seconds[] };
  // The first round is for the compiler.
  for (let round = -1; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
      const prefix = `{bench-${randomBytes(4).toString('hex')}}`;
      const seconds = await withCleanUp(
        () => measure(transports[name](redisUrl, prefix), count),
        () => removeQueueKeys(redisUrl, prefix),
      );
      if (round >= 0) {
        times[name].push(seconds);
      }
    }
  }
  const rate = (name: keyof typeof times, step: keyof Seconds) => count / medianOf(times[name], (run) => run[step]);
  return {
    figures: {
      deliveries: count,
      added_per_second: rate('ours', 'add'),
      taken_per_second: rate('ours', 'take'),
      bullmq_added_per_second: rate('bare', 'add'),
      bullmq_taken_per_second: rate('bare', 'take'),
      added_ratio_to_bullmq: rate('ours', 'add') / rate('bare', 'add'),
      taken_ratio_to_bullmq: rate('ours', 'take') / rate('bare', 'take'),
    },
  };
}

interface Seconds {
  add: number;
  take: number;
}

async function measure(transport: Transport, count: number): Promise<Seconds> {
  try {
    const [jobId, documentId, collectionId] = [newId(), newId(), newId()];
    const chunks = Array.from({ length: count }, (_, chunkIndex): ChunkDispatch => {
      const chunkId = newId();
      return {
        queue: 'chunks',
        chunkId,
        jobId,
        documentId,
        collectionId,
        chunkIndex,
        queueJobId: `${chunkId}.1`,
        delayMs: 0,
      };
    });
    const start = performance.now();
    await transport.add(chunks);
    const added = performance.now();
    await takeAll(transport, count);
    return { add: (added - start) / 1000, take: (performance.now() - added) / 1000 };
  } finally {
    await transport.close();
  }
}

async function takeAll(transport: Transport, count: number): Promise<void> {
  let left = count;
  let stop: (() => Promise<void>) | undefined;
  await new Promise<void>((resolve) => {
    stop = transport.startWorker(() => {
      left -= 1;
      if (left === 0) {
        resolve();
      }
    });
  });
  await stop?.();
}

/** Millrace's own producer and worker. */
function ours(redisUrl: string, prefix: string): Transport {
  const logger = createLogger('bench', 'warn');
  const connection = workerConnection(redisUrl, logger);
  const queues = new Queues(connection, prefix);
  return {
    add: (chunks) => queues.deliverChunks(chunks),
    startWorker(taken) {
      const worker = new QueueWorker({
        queue: 'chunks',
        prefix,
        connection,
        handle: async () => {
          taken();
          return { outcome: 'done' };
        },
        concurrency,
        onTaken: (priority) => queues.noteTaken('chunks', priority),
        pauseQueue: async () => undefined,
        lockMs: 60_000,
        logger,
        metrics: createDeliveryMetrics(createRegistry('bench')),
      });
      worker.start();
      return () => worker.close(10_000);
    },
    async close() {
      await queues.close();
      await closeConnection(connection);
    },
  };
}

/** BullMQ as its documentation shows it: no ids, no priorities, and finished jobs are removed at once. */
function bare(redisUrl: string, prefix: string): Transport {
  const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  const connection: ConnectionOptions = redis;
  const bullQueue = new Queue('bare', { connection, prefix });
  return {
    async add(chunks) {
      for (let start = 0; start < chunks.length; start += bulkSize) {
        await bullQueue.addBulk(
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
      await bullQueue.close();
      await redis.quit();
    },
  };
}
