import { setTimeout } from 'node:timers/promises';
import { type Database, defaultCollectionId, type NextModel, ReEmbedding } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import { beginReEmbedJobs } from '@millrace/lifecycle';
import { closeConnection, Queues, untilReady, workerConnection } from '@millrace/queues';
import { Deliveries, WorkInHand } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import {
  createTestEnvironment,
  type OpenAiServer,
  startOpenAiServer,
  type TestEnvironment,
} from '@millrace/test-support';
import type { Redis } from 'ioredis';
import { chunkCounts, chunkedDocument, firstId, openDatabase } from '../../../packages/lifecycle/test/support';
import { BatchProcessor, createEmbedderMetrics, type QueuedChunk } from '../src';

const logger = createLogger('test', 'silent');
const next = { model: 'next-model', dimensions: 256 };

let provider: OpenAiServer;
let environment: TestEnvironment;
let database: Database;
let connection: Redis;
let queues: Queues;
let reEmbedding: ReEmbedding;

beforeEach(async () => {
  provider = await startOpenAiServer();
  environment = await createTestEnvironment({
    EMBEDDING_PROVIDER: 'openai',
    EMBEDDING_MODEL: 'old-model',
    OPENAI_BASE_URL: provider.baseUrl,
  });
  const config = environment.config();
  database = openDatabase(config.DATABASE_URL);
  connection = workerConnection(config.REDIS_URL, logger);
  await untilReady(connection, 5_000);
  queues = new Queues(connection, config.QUEUE_PREFIX);
  reEmbedding = new ReEmbedding(database, { databaseUrl: config.DATABASE_URL });
});
afterEach(async () => {
  await queues.close();
  await closeConnection(connection);
  await database.close();
  await environment.cleanUp();
  await provider.close();
});

const withNext = { NEXT_EMBEDDING_MODEL: next.model, NEXT_EMBEDDING_DIMENSIONS: String(next.dimensions) };

async function processor(changes: Record<string, string> = withNext, leaseMs = 60_000) {
  return new BatchProcessor({
    database,
    deliveries: new Deliveries(queues, logger),
    inHand: new WorkInHand(),
    providers: await EmbeddingProviders.create(environment.config(changes)),
    worker: 'test',
    leaseMs,
    maxOutageMs: 60_000,
    retryPolicy: { backoffMs: 0 },
    logger,
    metrics: createEmbedderMetrics(createRegistry('test')),
  });
}

/** Chunks of an upload, which wait. */
async function uploaded(count: number): Promise<{ jobId: string; deliveries: QueuedChunk[] }> {
  const { jobId, documentId, chunkIds } = await chunkedDocument(database, count);
  const deliveries = chunkIds.map((chunkId) => ({
    version: 1 as const,
    chunkId,
    jobId,
    documentId,
    collectionId: defaultCollectionId,
    queueJobId: `${chunkId}.1`,
  }));
  return { jobId, deliveries };
}

/** The stored chunks, which wait for vectors of the next model. */
async function stored(): Promise<{ jobId: string; deliveries: QueuedChunk[] }> {
  const models = await database.embeddingModels.find();
  const options = { after: firstId, documents: 10, chunks: 100, jobMaxRetries: 0, chunkMaxRetries: 3 };
  const dispatches = models.next ? ((await beginReEmbedJobs(database, models.next, options))?.dispatches ?? []) : [];
  return {
    jobId: dispatches[0]?.jobId ?? '',
    deliveries: dispatches.map((dispatch) => ({ version: 1 as const, ...dispatch })),
  };
}

async function changeTo(model: NextModel): Promise<boolean> {
  await reEmbedding.buildIndexes(model, {});
  return reEmbedding.change(model);
}

const outcomesOf = async (work: Promise<{ outcome: string }[]>) => (await work).map((result) => result.outcome);

const modelsAsked = () => provider.requests.map((request) => `${request.model} ${request.dimensions}`);

/** What is waiting, with the attempts counted. */
const waiting = (jobId: string) =>
  database.sql.many<{ status: string; attempts: number }>(
    'SELECT status, attempts FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index',
    [jobId],
  );

test('When uploads and stored chunks come in one batch, then each is embedded with its own model and goes to its own table', async () => {
  const embedder = await processor();
  const first = await uploaded(2);
  expect(await outcomesOf(embedder.process(first.deliveries))).toEqual(['done', 'done']);
  await reEmbedding.begin(next);
  const again = await stored();
  const second = await uploaded(1);
  await embedder.process([...again.deliveries, ...second.deliveries]);
  expect(modelsAsked().sort()).toEqual(['next-model 256', 'old-model 768', 'old-model 768']);
  const tables = await database.sql.one(
    `SELECT (SELECT count(*)::integer FROM document_chunks WHERE embedding_model = 'old-model') AS now,
            (SELECT count(*)::integer FROM document_chunks_next WHERE embedding_model = 'next-model') AS next`,
  );
  expect(tables).toEqual({ now: 3, next: 2 });
  expect(await database.jobs.find(again.jobId)).toMatchObject({ status: 'completed', processedChunks: 2 });
});

test('When a worker has no provider of the next model, then it puts such chunks off without an attempt, and uploads go on', async () => {
  const embedder = await processor({});
  const first = await uploaded(2);
  await embedder.process(first.deliveries);
  await reEmbedding.begin(next);
  const again = await stored();
  const second = await uploaded(1);
  const outcomes = await outcomesOf(embedder.process([...again.deliveries, ...second.deliveries]));
  expect(outcomes).toEqual(['later', 'later', 'done']);
  expect(await waiting(again.jobId)).toEqual(Array(2).fill({ status: 'pending', attempts: 0 }));
  expect(await chunkCounts(database, second.jobId)).toEqual({ success: 1 });
});

test('When a worker has no provider of the model in use, then it puts everything off and holds up no other worker', async () => {
  const { jobId, deliveries } = await uploaded(1);
  const embedder = await processor({ EMBEDDING_MODEL: 'an-older-model' });
  expect(await outcomesOf(embedder.process(deliveries))).toEqual(['later']);
  expect(await waiting(jobId)).toEqual([{ status: 'pending', attempts: 0 }]);
});

test('When nobody can make vectors of the old model, then stored chunks are embedded with the next one, and uploads after the change', async () => {
  const before = await processor({});
  await before.process((await uploaded(2)).deliveries);
  await reEmbedding.begin(next);
  const embedder = await processor({
    EMBEDDING_MODEL: next.model,
    EMBEDDING_DIMENSIONS: String(next.dimensions),
  });
  const again = await stored();
  const upload = await uploaded(1);
  const outcomes = await outcomesOf(embedder.process([...again.deliveries, ...upload.deliveries]));
  expect(outcomes).toEqual(['done', 'done', 'later']);
  const models = await database.embeddingModels.find();
  expect(models.next && (await changeTo(models.next))).toBe(true);
  expect(await outcomesOf(embedder.process(upload.deliveries))).toEqual(['done']);
  expect(await waiting(upload.jobId)).toEqual([{ status: 'success', attempts: 1 }]);
});

test('When very many uploads wait for the change of the model, then they wait longer and longer, and leave others their turn', async () => {
  await reEmbedding.begin(next);
  const embedder = await processor({ EMBEDDING_MODEL: next.model, EMBEDDING_DIMENSIONS: String(next.dimensions) });
  const { jobId, deliveries } = await uploaded(100);
  const waitsMs: number[] = [];
  for (let i = 0; i < 130; i += 1) {
    const [result] = await embedder.process(deliveries);
    waitsMs.push(result?.outcome === 'later' ? result.at.getTime() - Date.now() : 0);
  }
  expect(waitsMs[0]).toBeLessThanOrEqual(5_000);
  expect(waitsMs[0]).toBeGreaterThan(4_000);
  expect(waitsMs.at(-1)).toBeGreaterThan(55_000);
  expect(await waiting(jobId)).toEqual(Array(100).fill({ status: 'pending', attempts: 0 }));
});

test('When the work for one provider breaks off, then the lease lasts until the other one has answered', async () => {
  const leaseMs = 1_000;
  const embedder = await processor(withNext, leaseMs);
  await embedder.process((await uploaded(1)).deliveries);
  await reEmbedding.begin(next);
  const again = await stored();
  const upload = await uploaded(1);
  await database.sql.none(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
     CREATE TRIGGER refuse BEFORE UPDATE ON job_chunks FOR EACH ROW WHEN (NEW.status = 'failed') EXECUTE FUNCTION refuse()`,
  );
  let isHeld: boolean | undefined;
  provider.respondWith(async (request) => {
    if (request.model === next.model) {
      return { status: 400 };
    }
    await setTimeout(3 * leaseMs);
    ({ held: isHeld } = await database.sql.one<{ held: boolean }>(
      'SELECT lease_expires_at > now() AS held FROM job_chunks WHERE job_id = $1',
      [upload.jobId],
    ));
    return 'ok';
  });
  await expect(embedder.process([...again.deliveries, ...upload.deliveries])).rejects.toThrow('refused');
  expect(isHeld).toBe(true);
  expect(await waiting(upload.jobId)).toEqual([{ status: 'success', attempts: 1 }]);
});

test('When the next provider limits the rate, then its chunks wait without an attempt, and uploads go on', async () => {
  const embedder = await processor();
  const first = await uploaded(2);
  await embedder.process(first.deliveries);
  await reEmbedding.begin(next);
  const again = await stored();
  provider.respondWith((request) =>
    request.model === next.model ? { status: 429, headers: { 'retry-after': '60' } } : 'ok',
  );
  const second = await uploaded(1);
  const work = embedder.process([...again.deliveries, ...second.deliveries]);
  expect(await outcomesOf(work)).toEqual(['later', 'later', 'done']);
  const asked = provider.requests.length;
  const third = await uploaded(1);
  const more = embedder.process([...again.deliveries, ...third.deliveries]);
  expect(await outcomesOf(more)).toEqual(['later', 'later', 'done']);
  expect(modelsAsked().slice(asked)).toEqual(['old-model 768']);
  expect(await waiting(again.jobId)).toEqual(Array(2).fill({ status: 'pending', attempts: 0 }));
});

test('When the last new vectors are to catch up, then nothing is embedded with the old model for that time', async () => {
  const embedder = await processor();
  await reEmbedding.begin(next);
  const models = await database.embeddingModels.find();
  const { jobId, deliveries } = await uploaded(1);
  if (models.next) {
    await reEmbedding.close(models.next, 60_000);
    expect(await outcomesOf(embedder.process(deliveries))).toEqual(['later']);
    expect(await waiting(jobId)).toEqual([{ status: 'pending', attempts: 0 }]);
    expect(provider.requests).toEqual([]);
    await reEmbedding.close(models.next, 0);
  }
  expect(await outcomesOf(embedder.process(deliveries))).toEqual(['done']);
});

test.each([256, 768])(
  'When the model changes to one of %i dimensions while the provider works, then the chunks are embedded with that one, and no attempt is lost',
  async (dimensions) => {
    const embedder = await processor({
      NEXT_EMBEDDING_MODEL: dimensions === 768 ? 'next-model' : 'old-model',
      NEXT_EMBEDDING_DIMENSIONS: String(dimensions),
    });
    const setup = { model: dimensions === 768 ? 'next-model' : 'old-model', dimensions };
    await reEmbedding.begin(setup);
    const models = await database.embeddingModels.find();
    const { jobId, deliveries } = await uploaded(2);
    provider.respondWith(async () => {
      if (models.next && provider.requests.length === 1) {
        expect(await changeTo(models.next)).toBe(true);
      }
      return 'ok' as const;
    });
    expect(await outcomesOf(embedder.process(deliveries))).toEqual(['done', 'done']);
    expect(await waiting(jobId)).toEqual(Array(2).fill({ status: 'pending', attempts: 0 }));
    const rows = await database.jobChunks.findAll(deliveries.map(({ chunkId }) => chunkId));
    for (const row of rows) {
      expect(row.queueJobId).toBe(`${row.id}.2`);
      expect(await queues.chunks.getJobState(row.queueJobId)).toBe('prioritized');
    }
    await embedder.process(deliveries);
    expect(modelsAsked()).toEqual(['old-model 768', `${setup.model} ${dimensions}`]);
    expect(await waiting(jobId)).toEqual(Array(2).fill({ status: 'success', attempts: 1 }));
  },
);

test('When the change is cancelled while the provider works, then its chunks are handed back and wait for their job to end', async () => {
  const embedder = await processor();
  await embedder.process((await uploaded(1)).deliveries);
  await reEmbedding.begin(next);
  const again = await stored();
  provider.respondWith(async () => {
    await reEmbedding.cancel();
    return 'ok' as const;
  });
  expect(await outcomesOf(embedder.process(again.deliveries))).toEqual(['done']);
  expect(await waiting(again.jobId)).toEqual([{ status: 'pending', attempts: 0 }]);
  expect(await outcomesOf(embedder.process(again.deliveries))).toEqual(['later']);
  expect(await waiting(again.jobId)).toEqual([{ status: 'pending', attempts: 0 }]);
});
