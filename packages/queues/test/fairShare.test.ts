import { randomBytes } from 'node:crypto';
import { newId } from '@millrace/contracts';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { testServers, waitFor } from '@millrace/test-support';
import type { Redis } from 'ioredis';
import { createDeliveryMetrics, Queues, QueueWorker, untilReady, workerConnection } from '../src';

const logger = createLogger('test', 'silent');
let connection: Redis;
let queues: Queues;
let prefix: string;
const workers: { close(graceMs: number): Promise<void> }[] = [];

beforeEach(async () => {
  prefix = `{test-${randomBytes(6).toString('hex')}}`;
  connection = workerConnection(testServers().redisUrl, logger);
  await untilReady(connection, 60_000);
  queues = new Queues(connection, prefix);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.close(1_000)));
  await Promise.all(queues.all.map((queue) => queue.obliterate({ force: true })));
  await connection.del(queues.documents.toKey('fair'), queues.chunks.toKey('fair'));
  await queues.close();
  await connection.quit();
});

/** Takes deliveries one by one. `taken` gets the document of each. */
function work(queue: 'documents' | 'chunks', taken: (documentId: string) => void | Promise<void>): void {
  const worker = new QueueWorker({
    queue,
    prefix,
    connection,
    handle: async ({ documentId }) => {
      await taken(documentId);
      return { outcome: 'done' };
    },
    concurrency: 1,
    onTaken: (priority) => queues.noteTaken(queue, priority),
    pauseQueue: async () => undefined,
    lockMs: 60_000,
    logger,
    metrics: createDeliveryMetrics(createRegistry('test')),
  });
  worker.start();
  workers.push(worker);
}

const job = (collectionId: string, documentId = newId()) => {
  const jobId = newId();
  return { jobId, documentId, collectionId, queueJobId: `${jobId}.1`, delayMs: 0 };
};

const document = (collectionId: string, chunks: number, documentId = newId()) => {
  const jobId = newId();
  return Array.from({ length: chunks }, (_, chunkIndex) => {
    const chunkId = newId();
    const ids = { chunkId, jobId, documentId, collectionId };
    return { queue: 'chunks' as const, ...ids, chunkIndex, queueJobId: `${chunkId}.1`, delayMs: 0 };
  });
};

const all = (taken: string[], count: number) =>
  waitFor('all deliveries', async () => (taken.length >= count ? taken : undefined));

describe('Documents that wait to be read', () => {
  test('When one collection has many and others come later, then the collections take turns', async () => {
    const [many, one, two] = [newId(), newId(), newId()];
    const flood = Array.from({ length: 100 }, () => job(many));
    await queues.deliverJobs(flood);
    const few = [job(one), job(two), job(one)];
    await queues.deliverJobs(few);
    const taken: string[] = [];
    work('documents', (id) => void taken.push(id));
    await all(taken, 103);
    const places = few.map(({ documentId }) => taken.indexOf(documentId));
    expect(Math.max(...places)).toBeLessThan(6);
    const ofFlood = taken.filter((id) => flood.some(({ documentId }) => documentId === id));
    expect(ofFlood).toEqual(flood.map(({ documentId }) => documentId));
  });

  test('When small collections keep coming, then the large one is not starved', async () => {
    const many = newId();
    const flood = Array.from({ length: 20 }, () => job(many));
    await queues.deliverJobs(flood);
    const taken: string[] = [];
    work('documents', async (id) => {
      taken.push(id);
      if (taken.length < 200) {
        await queues.deliverJobs([job(newId()), job(newId())]);
      }
    });
    await waitFor('the large collection to be read', async () => flood.every((one) => taken.includes(one.documentId)));
  });

  test('When the queue has been empty, then its times begin again', async () => {
    const taken: string[] = [];
    work('documents', (id) => void taken.push(id));
    await queues.deliverJobs(Array.from({ length: 50 }, () => job('a')));
    await all(taken, 50);
    const [last] = await queues.documents.getJobs(['completed']);
    expect(last).toBeDefined();
    await queues.deliverJobs([job('a')]);
    await all(taken, 51);
    expect(Number(await connection.hget(queues.documents.toKey('fair'), 'a'))).toBe(1);
  });
});

describe('Chunks that wait to be embedded', () => {
  test('When one collection has a thousand, then the chunks of a small document of another come among the first', async () => {
    const [many, other] = [newId(), newId()];
    await queues.deliverChunks(Array.from({ length: 100 }, () => document(many, 10)).flat());
    const small = document(other, 10);
    await queues.deliverChunks(small);
    const taken: string[] = [];
    work('chunks', (id) => void taken.push(id));
    await all(taken, 1_010);
    expect(taken.lastIndexOf(small[0]?.documentId ?? '')).toBeLessThan(100);
  });

  test('When a book and a small document are of one collection, then the small one does not wait for the book', async () => {
    const collection = newId();
    await queues.deliverChunks(document(collection, 2_500));
    const small = document(collection, 4);
    await queues.deliverChunks(small);
    const taken: string[] = [];
    work('chunks', (id) => void taken.push(id));
    await all(taken, 2_504);
    expect(taken.lastIndexOf(small[0]?.documentId ?? '')).toBeLessThan(40);
  });
});
