import { randomBytes } from 'node:crypto';
import { newId } from '@millrace/contracts';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { testServers, waitFor } from '@millrace/test-support';
import type { Redis } from 'ioredis';
import {
  createDeliveryMetrics,
  type DeliveryResult,
  producerConnection,
  Queues,
  QueueWorker,
  untilReady,
  workerConnection,
} from '../src';

const logger = createLogger('test', 'silent');
let connection: Redis;
let queues: Queues;
let worker: QueueWorker<'chunks'> | undefined;
let prefix: string;

beforeEach(async () => {
  prefix = `{test-${randomBytes(6).toString('hex')}}`;
  connection = workerConnection(testServers().redisUrl, logger);
  await untilReady(connection, 60_000);
  queues = new Queues(connection, prefix);
});
afterEach(async () => {
  await worker?.close(1_000);
  worker = undefined;
  await queues.chunks.obliterate({ force: true });
  await queues?.close();
  await connection.quit();
});

function work(handle: (chunkId: string) => Promise<DeliveryResult>): void {
  const created = new QueueWorker({
    queue: 'chunks',
    prefix,
    connection,
    handle: ({ chunkId }) => handle(chunkId),
    concurrency: 1,
    onTaken: (priority) => queues.noteTaken('chunks', priority),
    pauseQueue: (forMs) => queues.pause('chunks', forMs),
    lockMs: 5_000,
    logger,
    metrics: createDeliveryMetrics(createRegistry('test')),
  });
  created.start();
  worker = created;
}

const chunk = (chunkIndex: number, delayMs = 0) => {
  const chunkId = newId();
  return {
    queue: 'chunks' as const,
    chunkId,
    jobId: newId(),
    documentId: newId(),
    collectionId: newId(),
    chunkIndex,
    queueJobId: `${chunkId}.1`,
    delayMs,
  };
};
const ended = (id: string) =>
  waitFor('the delivery to end', async () => {
    const state = await queues.chunks.getJobState(id);
    return (state === 'completed' || state === 'failed') && state;
  });

describe('Deliveries', () => {
  test('When the same dispatch is delivered twice, then it comes once', async () => {
    const seen: string[] = [];
    const delivery = chunk(0);
    await queues.deliverChunks([delivery, delivery]);
    await queues.deliverChunks([delivery]);
    work(async (id) => {
      seen.push(id);
      return { outcome: 'done' };
    });
    expect(await ended(delivery.queueJobId)).toBe('completed');
    await queues.deliverChunks([delivery]);
    const last = chunk(1);
    await queues.deliverChunks([last]);
    await ended(last.queueJobId);
    expect(seen).toEqual([delivery.chunkId, last.chunkId]);
  });

  test('When a short document waits behind a long one, then its chunks come among the first', async () => {
    const long = Array.from({ length: 50 }, (_, i) => chunk(i));
    const short = [chunk(0), chunk(1)];
    await queues.deliverChunks(long);
    await queues.deliverChunks(short);
    const seen: string[] = [];
    work(async (id) => {
      seen.push(id);
      return { outcome: 'done' };
    });
    await waitFor('everything to come', async () => seen.length === 52);
    for (const { chunkId } of short) {
      expect(seen.indexOf(chunkId)).toBeLessThan(20);
    }
  });

  test('When work failed, then the queue shows it as failed with its code, and it does not come again', async () => {
    let times = 0;
    const delivery = chunk(0);
    await queues.deliverChunks([delivery]);
    work(async () => {
      times += 1;
      return { outcome: 'failed', code: 'EMBEDDING_REJECTED', message: 'bad key' };
    });
    expect(await ended(delivery.queueJobId)).toBe('failed');
    expect((await queues.chunks.getJob(delivery.queueJobId))?.failedReason).toBe('EMBEDDING_REJECTED: bad key');
    expect(times).toBe(1);
  });

  test('When the delivery is postponed, then it comes again at that time', async () => {
    const times: number[] = [];
    const delivery = chunk(0);
    await queues.deliverChunks([delivery]);
    const at = new Date(Date.now() + 300);
    work(async () => {
      times.push(Date.now());
      return times.length === 1 ? { outcome: 'later', at } : { outcome: 'done' };
    });
    expect(await ended(delivery.queueJobId)).toBe('completed');
    expect(times).toHaveLength(2);
    expect(times[1]).toBeGreaterThanOrEqual(at.getTime());
  });

  test('When the handler throws, then the delivery comes again', async () => {
    let times = 0;
    const delivery = chunk(0);
    await queues.deliverChunks([delivery]);
    work(async () => {
      times += 1;
      if (times === 1) {
        throw new Error('the database is unreachable');
      }
      return { outcome: 'done' };
    });
    expect(await ended(delivery.queueJobId)).toBe('completed');
    expect(times).toBe(2);
  });

  test('When a payload does not fit its schema, then the delivery fails and others go on', async () => {
    const handled: string[] = [];
    work(async (id) => {
      handled.push(id);
      return { outcome: 'done' };
    });
    await queues.chunks.add('embed', { nonsense: true } as never, { jobId: 'nonsense' });
    expect(await ended('nonsense')).toBe('failed');
    const delivery = chunk(0);
    await queues.deliverChunks([delivery]);
    await ended(delivery.queueJobId);
    expect(handled).toEqual([delivery.chunkId]);
  });
});

test('When chunks of both queues are delivered, then each is in its own queue', async () => {
  const upload = chunk(0);
  const stored = { ...chunk(0), queue: 'reembed-chunks' as const };
  await queues.deliverChunks([stored, upload]);
  const states = await Promise.all(
    [upload, stored].flatMap(({ queueJobId }) =>
      [queues.chunks, queues.reembedChunks].map((queue) => queue.getJobState(queueJobId)),
    ),
  );
  expect(states).toEqual(['prioritized', 'unknown', 'unknown', 'prioritized']);
  await queues.reembedChunks.obliterate();
});

describe('When the work is paused', () => {
  test('then every worker of the queue waits, nothing is lost, and the work goes on after the pause', async () => {
    const times: number[] = [];
    const handle = async (): Promise<DeliveryResult> => {
      times.push(Date.now());
      return times.length === 1 ? { outcome: 'paused', forMs: 700 } : { outcome: 'done' };
    };
    const deliveries = Array.from({ length: 6 }, (_, i) => chunk(i));
    const [first] = deliveries;
    await queues.deliverChunks(deliveries.slice(0, 1));
    work(handle);
    const one = worker;
    work(handle);
    try {
      await waitFor('the first delivery to come', async () => times.length === 1);
      await waitFor('the delivery to go back', async () => {
        const state = await queues.chunks.getJobState(first?.queueJobId ?? '');
        return state === 'prioritized';
      });
      await queues.deliverChunks(deliveries.slice(1));
      for (const { queueJobId } of deliveries) {
        expect(await ended(queueJobId)).toBe('completed');
      }
      expect(times).toHaveLength(7);
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(690);
    } finally {
      await one?.close(1_000);
    }
  });
});

describe('Looking for lost deliveries', () => {
  const rowOf = ({ chunkId, queueJobId }: { chunkId: string; queueJobId: string }) => ({
    id: chunkId,
    queue: 'chunks' as const,
    queueJobId,
    dispatchCount: 1,
  });

  test('When a delivery waits, is delayed or is worked on, then it is not lost; when it was removed or has ended, then it is', async () => {
    const [waiting, delayed, removed, done, never] = [chunk(5), chunk(5, 60_000), chunk(5), chunk(0), chunk(5)];
    const active = chunk(1);
    await queues.deliverChunks([done, active, waiting, delayed, removed]);
    await queues.chunks.remove(removed.queueJobId);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    work(async (id) => {
      if (id === active.chunkId) {
        await held;
      }
      return { outcome: 'done' };
    });
    await ended(done.queueJobId);
    await waitFor('one to be worked on', async () => {
      const state = await queues.chunks.getJobState(active.queueJobId);
      return state === 'active';
    });
    const rows = [waiting, delayed, removed, done, never, active].map(rowOf);
    const lost = await queues.findLost(rows);
    release();
    expect(lost).toEqual([removed, done, never].map(rowOf));
  });

  test('When deliveries have ended only recently, then they are kept for operators to see', async () => {
    const done = chunk(0);
    await queues.deliverChunks([done]);
    work(async () => ({ outcome: 'done' }));
    await ended(done.queueJobId);
    expect(await queues.removeFinished(100)).toBe(0);
    expect(await queues.chunks.getJobState(done.queueJobId)).toBe('completed');
  });
});

describe('A producer', () => {
  test('When Redis does not answer, then waiting for it ends with QUEUE_UNAVAILABLE', async () => {
    const nowhere = producerConnection('redis://127.0.0.1:1', logger);
    await expect(untilReady(nowhere, 200)).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    nowhere.disconnect();
  });
});

describe('A delivery that is postponed in a crowd', () => {
  const waitOf = async (postponed: number) => {
    const waiting = chunk(0);
    await queues.deliverChunks([...Array.from({ length: postponed }, () => chunk(0, 3_600_000)), waiting]);
    work(async () => ({ outcome: 'later', at: new Date(Date.now() + 20_000), inCrowd: true }));
    const job = await waitFor('the delivery to be postponed', async () => {
      const found = await queues.chunks.getJob(waiting.queueJobId);
      return found && (await found.isDelayed()) && found;
    });
    return job.delay;
  };

  test('When few are postponed, then it waits for as long as was asked', async () => {
    expect(await waitOf(3)).toBeLessThan(21_000);
  });

  test('When a thousand are postponed, then it waits five times as long', async () => {
    expect(await waitOf(1_000)).toBeGreaterThan(60_000);
  });
});
