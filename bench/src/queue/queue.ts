import { randomBytes } from 'node:crypto';
import { type ChunkDispatch, newId } from '@millrace/contracts';
import type { Environment } from '../benchStack';
import { withCleanUp } from '../cleanUp';
import { removeQueueKeys } from '../queueKeys';
import type { BenchmarkResult } from '../report';
import { percentile } from '../statistics';
import { bareBullMq } from './bareBullMq';
import type { Lane } from './lane';
import { ourQueues } from './ourQueues';

interface Seconds {
  add: number;
  work: number;
}

/**
 * Chunk deliveries through Millrace's queues (priorities, ids that make a second delivery harmless, payloads checked,
 * metrics) beside BullMQ with the same payloads and nothing around it: added in bulk, then taken by one worker.
 */
export async function queue({ REDIS_URL }: Environment, quick: boolean): Promise<BenchmarkResult> {
  const redisUrl = REDIS_URL ?? '';
  const count = quick ? 2_000 : 20_000;
  const rounds = quick ? 1 : 5;
  const lanes = { ours: ourQueues, bare: bareBullMq };
  const times = { ours: [] as Seconds[], bare: [] as Seconds[] };
  // The first round of each is for the compiler.
  for (let round = -1; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
      const seconds = await onItsOwn(redisUrl, (prefix) => measure(lanes[name](redisUrl, prefix), count));
      if (round >= 0) {
        times[name].push(seconds);
      }
    }
  }
  return describe(count, times);
}

/** Runs `work` on queues under a prefix of its own, and removes them. */
function onItsOwn<T>(redisUrl: string, work: (prefix: string) => Promise<T>): Promise<T> {
  const prefix = `{bench-${randomBytes(4).toString('hex')}}`;
  return withCleanUp(
    () => work(prefix),
    () => removeQueueKeys(redisUrl, prefix),
  );
}

async function measure(lane: Lane, count: number): Promise<Seconds> {
  try {
    const chunks = dispatches(count);
    const start = performance.now();
    await lane.add(chunks);
    const added = performance.now();
    await takeAll(lane, count);
    return { add: (added - start) / 1000, work: (performance.now() - added) / 1000 };
  } finally {
    await lane.close();
  }
}

async function takeAll(lane: Lane, count: number): Promise<void> {
  let left = count;
  let stop: (() => Promise<void>) | undefined;
  await new Promise<void>((resolve) => {
    stop = lane.startWorker(() => {
      left -= 1;
      if (left === 0) {
        resolve();
      }
    });
  });
  await stop?.();
}

/** Deliveries of the first round of a document. */
function dispatches(count: number): ChunkDispatch[] {
  const jobId = newId();
  const documentId = newId();
  const collectionId = newId();
  return Array.from({ length: count }, (_, chunkIndex) => {
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
}

function describe(count: number, { ours, bare }: { ours: Seconds[]; bare: Seconds[] }): BenchmarkResult {
  const rate = (runs: Seconds[], step: keyof Seconds) =>
    count /
    percentile(
      runs.map((run) => run[step]),
      50,
    );
  const row = (what: string, step: keyof Seconds): [string, string] => {
    const [us, them] = [rate(ours, step), rate(bare, step)];
    return [what, `${us.toFixed(0)}, bare BullMQ ${them.toFixed(0)}: ${(us / them).toFixed(2)} times`];
  };
  return {
    table: [
      ['deliveries a round', String(count)],
      row('added a second', 'add'),
      row('taken a second by one worker', 'work'),
    ],
    figures: {
      added_per_second: rate(ours, 'add'),
      taken_per_second: rate(ours, 'work'),
      added_ratio_to_bullmq: rate(ours, 'add') / rate(bare, 'add'),
      taken_ratio_to_bullmq: rate(ours, 'work') / rate(bare, 'work'),
    },
  };
}
