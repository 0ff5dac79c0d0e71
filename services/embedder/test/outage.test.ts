import { newId } from '@millrace/contracts';
import { type Database, defaultCollectionId } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import { closeConnection, Queues, untilReady, workerConnection } from '@millrace/queues';
import { Deliveries, WorkInHand } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import {
  createTestEnvironment,
  type OpenAiServer,
  startOpenAiServer,
  type TestEnvironment,
  Wire,
  waitFor,
} from '@millrace/test-support';
import type { Redis } from 'ioredis';
import { chunkCounts, chunkedDocument, openDatabase } from '../../../packages/lifecycle/test/support';
import { BatchProcessor, createEmbedderMetrics, probeText } from '../src';

const logger = createLogger('test', 'silent');
let provider: OpenAiServer;
let environment: TestEnvironment;
let database: Database;
let wire: Wire;
let throughWire: Database;
let connection: Redis;
let queues: Queues;
let inHand: WorkInHand;

beforeEach(async () => {
  provider = await startOpenAiServer();
  environment = await createTestEnvironment({ EMBEDDING_PROVIDER: 'openai', OPENAI_BASE_URL: provider.baseUrl });
  const config = environment.config();
  database = openDatabase(config.DATABASE_URL);
  const wired = await Wire.to(config.DATABASE_URL);
  wire = wired.wire;
  throughWire = openDatabase(wired.url);
  connection = workerConnection(config.REDIS_URL, logger);
  await untilReady(connection, 5_000);
  queues = new Queues(connection, config.QUEUE_PREFIX);
  inHand = new WorkInHand();
});
afterEach(async () => {
  await queues.close();
  await closeConnection(connection);
  await wire.close();
  await throughWire.close();
  await database.close();
  await environment.cleanUp();
  await provider.close();
});

async function processorOn(on: Database): Promise<BatchProcessor> {
  return new BatchProcessor({
    database: on,
    deliveries: new Deliveries(queues, logger),
    inHand,
    providers: await EmbeddingProviders.create(environment.config()),
    worker: 'test',
    leaseMs: 60_000,
    maxOutageMs: 60_000,
    retryPolicy: { backoffMs: 0 },
    logger,
    metrics: createEmbedderMetrics(createRegistry('test')),
  });
}

async function documentOf(count: number) {
  const { jobId, documentId, chunkIds } = await chunkedDocument(database, count);
  const deliveries = chunkIds.map((chunkId) => ({
    version: 1 as const,
    chunkId,
    jobId,
    documentId,
    collectionId: defaultCollectionId,
    queueJobId: `${chunkId}.1`,
  }));
  return { jobId, documentId, chunkIds, deliveries };
}

describe('When the database goes away while the provider works', () => {
  test('then the vectors are kept and stored once it is back, and nothing is paid for again', async () => {
    const { jobId, deliveries } = await documentOf(3);
    provider.respondWith(() => {
      wire.cut();
      return 'ok';
    });
    const processor = await processorOn(throughWire);
    const work = processor.process(deliveries);
    await waitFor('the provider to have answered', async () => provider.requests.length === 1);
    await waitFor('several attempts at storing to fail', async () => wire.refused >= 3);
    expect(await chunkCounts(database, jobId)).toEqual({ processing: 3 });
    wire.mend();
    expect((await work).map((result) => result.outcome)).toEqual(['done', 'done', 'done']);
    expect(await database.jobs.find(jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    expect(provider.requests).toHaveLength(1);
  });

  test('and the worker is stopped before it is back, then the stop does not wait for it', async () => {
    const { jobId, deliveries } = await documentOf(2);
    provider.respondWith(() => {
      wire.cut();
      return 'ok';
    });
    const processor = await processorOn(throughWire);
    const work = inHand.run(() => processor.process(deliveries)).catch((error: Error) => error);
    await waitFor('the provider to have answered', async () => provider.requests.length === 1);
    await inHand.release();
    expect(await work).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await chunkCounts(database, jobId)).toEqual({ processing: 2 });
  });
});

describe('When storing a batch fails for a reason of its own', () => {
  test('then the batch is divided without another call, and only the guilty chunk fails', async () => {
    const { jobId, chunkIds, deliveries } = await documentOf(5);
    const [, , guilty = ''] = chunkIds;
    // A trigger that refuses one row stands for whatever a database may have against it.
    await database.sql.none(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.chunk_index = 2 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON document_chunks FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const processor = await processorOn(database);
    await processor.process(deliveries);
    await inHand.finish();
    const rows = await database.jobChunks.findAll(chunkIds);
    expect(rows.filter((row) => row.status !== 'success')).toMatchObject([
      { id: guilty, status: 'retry_scheduled', lastErrorCode: 'INTERNAL', attempts: 1 },
    ]);
    expect((await database.jobs.find(jobId))?.processedChunks).toBe(4);
    expect(provider.requests).toHaveLength(1);
  });
});

describe('When storing one chunk always takes longer than a statement may', () => {
  test('then that chunk fails and says so, the others are stored, and nothing is paid for again', async () => {
    const { jobId, chunkIds, deliveries } = await documentOf(2);
    await database.sql.none(
      `CREATE FUNCTION linger() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.chunk_index = 1 THEN PERFORM pg_sleep(30); END IF; RETURN NEW; END $$;
       CREATE TRIGGER linger BEFORE INSERT ON document_chunks FOR EACH ROW EXECUTE FUNCTION linger()`,
    );
    const hasty = openDatabase(environment.config().DATABASE_URL, { statementTimeoutMs: 1_000 });
    try {
      const processor = await processorOn(hasty);
      await processor.process(deliveries);
      await inHand.finish();
      const rows = await database.jobChunks.findAll(chunkIds);
      expect(rows.filter((row) => row.status !== 'success')).toMatchObject([
        { id: chunkIds[1], status: 'retry_scheduled', lastErrorCode: 'DATABASE_TIMEOUT', attempts: 1 },
      ]);
      expect((await database.jobs.find(jobId))?.processedChunks).toBe(1);
      expect(provider.requests).toHaveLength(1);
    } finally {
      await hasty.close();
    }
  }, 60_000);
});

/** Gives the chunks of one document the texts of another's: the support makes texts of the document's id. */
async function copyTexts(from: { jobId: string }, to: { jobId: string }): Promise<void> {
  await database.sql.none(
    `UPDATE job_chunks t SET payload = f.payload, content_hash = f.content_hash, chunk_hash = f.chunk_hash
     FROM job_chunks f WHERE f.job_id = $<from> AND t.job_id = $<to> AND t.chunk_index = f.chunk_index`,
    { from: from.jobId, to: to.jobId },
  );
}

describe('When a batch of two documents with the same texts fails once', () => {
  test('then it is divided, and no text is paid for by both', async () => {
    const first = await documentOf(3);
    const second = await documentOf(3);
    await copyTexts(first, second);
    provider.respondWith((_, n) => (n === 1 ? { status: 500 } : 'ok'));
    const processor = await processorOn(database);
    const deliveries = [...first.deliveries, ...second.deliveries];
    await processor.process(deliveries);
    await inHand.finish();
    // What found its text in the other part's hands comes again.
    await processor.process(deliveries);
    await inHand.finish();
    for (const { jobId } of [first, second]) {
      expect(await database.jobs.find(jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    }
    const paid = provider.requests.slice(1).flatMap((request) => request.input);
    expect(paid.filter((text) => text !== probeText)).toHaveLength(3);
  });
});

describe('When a lease is lost while a call fails', () => {
  test("then nothing more is paid for chunks that are somebody else's now", async () => {
    const { chunkIds, deliveries } = await documentOf(4);
    provider.respondWith(async (request) => {
      if (request.input.length > 1) {
        await database.sql.none('UPDATE job_chunks SET lease_token = $1', [newId()]);
        return { status: 500 };
      }
      return 'ok';
    });
    const processor = await processorOn(database);
    await processor.process(deliveries);
    await inHand.finish();
    const texts = provider.requests.slice(1).flatMap((request) => request.input);
    expect(texts.filter((text) => text !== probeText)).toEqual([]);
    const rows = await database.jobChunks.findAll(chunkIds);
    expect(rows.map((row) => row.status)).toEqual(chunkIds.map(() => 'processing'));
    expect(await database.sql.many('SELECT * FROM embedding_claims')).toEqual([]);
  });
});

describe('When the provider refuses everything', () => {
  test('then a chunk whose vector is known already is stored all the same', async () => {
    const first = await documentOf(2);
    const second = await documentOf(2);
    await copyTexts(first, second);
    const processor = await processorOn(database);
    await processor.process(first.deliveries);
    const third = await documentOf(1);
    provider.respondWith(() => ({ status: 401 }));
    const other = await processorOn(database);
    await other.process([...second.deliveries, ...third.deliveries]);
    expect((await database.jobs.find(second.jobId))?.status).toBe('completed');
    expect(await database.jobs.find(third.jobId)).toMatchObject({ status: 'failed', errorCode: 'EMBEDDING_REJECTED' });
  });
});

describe('When another worker is embedding the same text', () => {
  test('then the chunk comes again later, without an attempt counted, and takes the vector that was stored', async () => {
    const first = await documentOf(1);
    const second = await documentOf(1);
    await copyTexts(first, second);
    let answer: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      answer = resolve;
    });
    provider.respondWith(async () => {
      await held;
      return 'ok' as const;
    });
    const one = await processorOn(database);
    const other = await processorOn(database);
    const work = one.process(first.deliveries);
    await waitFor('the first call', async () => provider.requests.length === 1);
    expect(await other.process(second.deliveries)).toMatchObject([{ outcome: 'later' }]);
    expect(await database.jobChunks.findAll(second.chunkIds)).toMatchObject([{ status: 'pending', attempts: 0 }]);
    answer();
    await work;
    expect(await other.process(second.deliveries)).toEqual([{ outcome: 'done' }]);
    expect(await database.jobChunks.findAll(second.chunkIds)).toMatchObject([{ status: 'success', attempts: 1 }]);
    expect(provider.requests).toHaveLength(1);
    const { left } = await database.sql.one<{ left: number }>('SELECT count(*)::integer AS left FROM embedding_claims');
    expect(left).toBe(0);
  });
});

test('When what was stored has been removed, then the same texts are embedded anew', async () => {
  const first = await documentOf(2);
  const processor = await processorOn(database);
  await processor.process(first.deliveries);
  expect(provider.requests).toHaveLength(1);
  await database.sql.none('DELETE FROM documents WHERE id = $1', [first.documentId]);
  const again = await documentOf(2);
  await processor.process(again.deliveries);
  expect(await database.jobs.find(again.jobId)).toMatchObject({ status: 'completed' });
  expect(provider.requests).toHaveLength(2);
});
