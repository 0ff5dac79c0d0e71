import { type Database, type NextModel, ReEmbedding } from '@millrace/database';
import { beginReEmbedJobs, cancelJob } from '@millrace/lifecycle';
import { createLogger } from '@millrace/telemetry';
import { type OpenAiServer, plainModel, waitFor } from '@millrace/test-support';
import { chunkCounts, firstId, testActor } from '@millrace/test-support/lifecycle';
import { type EmbeddingWorker, type QueuedChunk, startEmbedder, storedChunks } from '../src';
import { EmbedderWorld, type Upload } from './support';

const next = plainModel('next-model', 256);
const withNext = { NEXT_EMBEDDING_MODEL: next.model, NEXT_EMBEDDING_DIMENSIONS: String(next.dimensions) };
const onlyNext = { EMBEDDING_MODEL: next.model, EMBEDDING_DIMENSIONS: String(next.dimensions) };

let world: EmbedderWorld;
let provider: OpenAiServer;
let database: Database;
let reEmbedding: ReEmbedding;

beforeEach(async () => {
  world = await EmbedderWorld.create({ EMBEDDING_MODEL: 'old-model' });
  ({ provider, database } = world);
  reEmbedding = new ReEmbedding(database, { databaseUrl: world.config().DATABASE_URL });
});
afterEach(() => world.dispose());

/** The two workers of an embedder. */
async function embedder(changes: Record<string, string> = withNext) {
  const uploads = await world.worker({ changes });
  const stored = await world.worker({ changes, target: storedChunks });
  return { uploads, stored };
}

/** The stored chunks, which wait for vectors of the next model. */
async function storedAgain(): Promise<{ jobId: string; deliveries: QueuedChunk[] }> {
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

/** The outcomes of a batch. */
async function outcomes(worker: EmbeddingWorker, { deliveries }: Pick<Upload, 'deliveries'>): Promise<string[]> {
  return (await worker.process(deliveries)).map((result) => result.outcome);
}

const modelsAsked = () => provider.requests.map((request) => `${request.model} ${request.dimensions}`);

/** The status and the attempts of each chunk of the job. */
const chunksOf = (jobId: string) =>
  database.sql.many<{ status: string; attempts: number }>(
    'SELECT status, attempts FROM job_chunks WHERE job_id = $1 ORDER BY chunk_index',
    [jobId],
  );
const untouched = { status: 'pending', attempts: 0 };

test('When uploads and stored chunks are embedded, then each gets its own model and goes to its own table', async () => {
  const { uploads, stored } = await embedder();
  expect(await outcomes(uploads, await world.upload(2))).toEqual(['done', 'done']);
  await reEmbedding.begin(next);
  const again = await storedAgain();
  const second = await world.upload(1);
  await Promise.all([stored.process(again.deliveries), uploads.process(second.deliveries)]);
  expect(modelsAsked().sort()).toEqual(['next-model 256', 'old-model 768', 'old-model 768']);
  const tables = await database.sql.one(
    `SELECT (SELECT count(*)::integer FROM document_chunks WHERE embedding_model = 'old-model') AS now,
            (SELECT count(*)::integer FROM document_chunks_next WHERE embedding_model = 'next-model') AS next`,
  );
  expect(tables).toEqual({ now: 3, next: 2 });
  expect(await database.jobs.find(again.jobId)).toMatchObject({ status: 'completed', processedChunks: 2 });
});

test('When a delivery of a stored chunk is in the queue of uploads, then the chunk is not embedded there', async () => {
  const { uploads, stored } = await embedder();
  await uploads.process((await world.upload(1)).deliveries);
  await reEmbedding.begin(next);
  const again = await storedAgain();
  expect(await outcomes(uploads, again)).toEqual(['later']);
  expect(await chunksOf(again.jobId)).toEqual([untouched]);
  expect(await outcomes(stored, again)).toEqual(['done']);
  expect(await outcomes(uploads, again)).toEqual(['done']);
});

test('When a worker has no provider of the next model, then stored chunks are postponed without an attempt, and uploads go on', async () => {
  const { uploads, stored } = await embedder({});
  await uploads.process((await world.upload(2)).deliveries);
  await reEmbedding.begin(next);
  const again = await storedAgain();
  const second = await world.upload(1);
  expect(await outcomes(stored, again)).toEqual(['later', 'later']);
  expect(await outcomes(uploads, second)).toEqual(['done']);
  expect(await chunksOf(again.jobId)).toEqual([untouched, untouched]);
  expect(await chunkCounts(database, second.jobId)).toEqual({ success: 1 });
});

test('When a worker has no provider of the current model, then it postpones uploads and pauses no other worker', async () => {
  const upload = await world.upload(1);
  const { uploads } = await embedder({ EMBEDDING_MODEL: 'an-older-model' });
  expect(await outcomes(uploads, upload)).toEqual(['later']);
  expect(await chunksOf(upload.jobId)).toEqual([untouched]);
});

test('When a worker has no provider, then it holds each batch for a moment, so that waiting chunks cost little', async () => {
  const upload = await world.upload(1);
  const { uploads } = await embedder({ EMBEDDING_MODEL: 'an-older-model' });
  const begun = performance.now();
  await uploads.process(upload.deliveries);
  await uploads.process(upload.deliveries);
  expect(performance.now() - begun).toBeGreaterThan(1_900);
});

test('When a worker has no provider and a chunk was cancelled, then its delivery is done', async () => {
  const upload = await world.upload(2);
  const { uploads } = await embedder({ EMBEDDING_MODEL: 'an-older-model' });
  await database.sql.none(`UPDATE job_chunks SET status = 'cancelled' WHERE id = $1`, [upload.chunkIds[0]]);
  expect(await outcomes(uploads, upload)).toEqual(['done', 'later']);
});

test('When no worker can make vectors of the old model, then stored chunks get the next one, and uploads are embedded after the change', async () => {
  const before = await embedder({});
  await before.uploads.process((await world.upload(2)).deliveries);
  await reEmbedding.begin(next);
  const { uploads, stored } = await embedder(onlyNext);
  const again = await storedAgain();
  const upload = await world.upload(1);
  expect(await outcomes(uploads, upload)).toEqual(['later']);
  expect(await outcomes(stored, again)).toEqual(['done', 'done']);
  const models = await database.embeddingModels.find();
  expect(models.next && (await changeTo(models.next))).toBe(true);
  expect(await outcomes(uploads, upload)).toEqual(['done']);
  expect(await chunksOf(upload.jobId)).toEqual([{ status: 'success', attempts: 1 }]);
});

test('When many uploads wait for a model that no embedder has, then stored chunks are embedded at once, and uploads after the change', async () => {
  const before = await embedder({});
  await before.uploads.process((await world.upload(2)).deliveries);
  await reEmbedding.begin(next);
  const upload = await world.upload(300);
  const again = await storedAgain();
  const dispatch = (queue: 'chunks' | 'reembed-chunks') => (delivery: QueuedChunk, chunkIndex: number) => {
    return { ...delivery, queue, chunkIndex, delayMs: 0 };
  };
  await world.queues.deliverChunks([
    ...upload.deliveries.map(dispatch('chunks')),
    ...again.deliveries.map(dispatch('reembed-chunks')),
  ]);
  const statusOf = async (jobId: string) => (await database.jobs.find(jobId))?.status;
  const service = await startEmbedder(world.config(onlyNext), createLogger('test', 'silent'));
  try {
    await waitFor('the stored chunks', async () => (await statusOf(again.jobId)) === 'completed');
    expect(await chunksOf(upload.jobId)).toEqual(Array(300).fill(untouched));
    const models = await database.embeddingModels.find();
    expect(models.next && (await changeTo(models.next))).toBe(true);
    await waitFor('the upload', async () => (await statusOf(upload.jobId)) === 'completed');
  } finally {
    for (const { run } of service.stop) {
      await run();
    }
  }
});

test('When the next provider limits the rate, then the queue of stored chunks is paused without an attempt, and uploads go on', async () => {
  const { uploads, stored } = await embedder();
  await uploads.process((await world.upload(2)).deliveries);
  await reEmbedding.begin(next);
  const again = await storedAgain();
  provider.respondWith((request) =>
    request.model === next.model ? { status: 429, headers: { 'retry-after': '60' } } : 'ok',
  );
  expect(await outcomes(stored, again)).toEqual(['paused', 'paused']);
  const asked = provider.requests.length;
  expect(await outcomes(stored, again)).toEqual(['paused', 'paused']);
  expect(await outcomes(uploads, await world.upload(1))).toEqual(['done']);
  expect(modelsAsked().slice(asked)).toEqual(['old-model 768']);
  expect(await chunksOf(again.jobId)).toEqual([untouched, untouched]);
});

test('When the last new vectors are made, then the queue of uploads is paused for that time', async () => {
  const { uploads } = await embedder();
  await reEmbedding.begin(next);
  const models = await database.embeddingModels.find();
  const upload = await world.upload(1);
  if (models.next) {
    await reEmbedding.close(models.next, 60_000);
    expect(await uploads.process(upload.deliveries)).toEqual([{ outcome: 'paused', forMs: expect.any(Number) }]);
    expect(await chunksOf(upload.jobId)).toEqual([untouched]);
    expect(provider.requests).toEqual([]);
    await reEmbedding.close(models.next, 0);
  }
  expect(await outcomes(uploads, upload)).toEqual(['done']);
});

test.each([256, 768])(
  'When the model changes to one of %i dimensions while the provider works, then the chunks are embedded with that one, and no attempt is lost',
  async (dimensions) => {
    const setup = plainModel(dimensions === 768 ? 'next-model' : 'old-model', dimensions);
    const { uploads } = await embedder({
      NEXT_EMBEDDING_MODEL: setup.model,
      NEXT_EMBEDDING_DIMENSIONS: String(dimensions),
    });
    await reEmbedding.begin(setup);
    const models = await database.embeddingModels.find();
    const upload = await world.upload(2);
    provider.respondWith(async () => {
      if (models.next && provider.requests.length === 1) {
        expect(await changeTo(models.next)).toBe(true);
      }
      return 'ok' as const;
    });
    expect(await outcomes(uploads, upload)).toEqual(['done', 'done']);
    expect(await chunksOf(upload.jobId)).toEqual([untouched, untouched]);
    const rows = await database.jobChunks.findAll(upload.chunkIds);
    for (const row of rows) {
      expect(row.queueJobId).toBe(`${row.id}.2`);
      expect(await world.queues.chunks.getJobState(row.queueJobId)).toBe('prioritized');
    }
    await uploads.process(upload.deliveries);
    expect(modelsAsked()).toEqual(['old-model 768', `${setup.model} ${dimensions}`]);
    expect(await chunksOf(upload.jobId)).toEqual(Array(2).fill({ status: 'success', attempts: 1 }));
  },
);

test('When the change is cancelled while the provider works, then its chunks are released and wait for their job to end', async () => {
  const { uploads, stored } = await embedder();
  await uploads.process((await world.upload(1)).deliveries);
  await reEmbedding.begin(next);
  const again = await storedAgain();
  provider.respondWith(async () => {
    await reEmbedding.cancel({ kind: 'cli' });
    return 'ok' as const;
  });
  expect(await outcomes(stored, again)).toEqual(['done']);
  expect(await chunksOf(again.jobId)).toEqual([untouched]);
  const queueJobId = `${again.deliveries[0]?.chunkId}.2`;
  expect(await world.queues.reembedChunks.getJobState(queueJobId)).toBe('prioritized');
  const redelivered = again.deliveries.map((delivery) => ({ ...delivery, queueJobId }));
  expect(await outcomes(stored, { deliveries: redelivered })).toEqual(['later']);
  await cancelJob(database, again.jobId, testActor);
  expect(await outcomes(stored, { deliveries: redelivered })).toEqual(['done']);
});
