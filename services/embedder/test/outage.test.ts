import { newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { type OpenAiServer, Wire, waitFor } from '@millrace/test-support';
import { chunkCounts, openDatabase } from '@millrace/test-support/lifecycle';
import { type EmbeddingWorker, probeText } from '../src';
import { EmbedderWorld } from './support';

let world: EmbedderWorld;
let provider: OpenAiServer;
let database: Database;
let wire: Wire;
let throughWire: Database;

beforeEach(async () => {
  world = await EmbedderWorld.create();
  ({ provider, database } = world);
  const wired = await Wire.to(world.config().DATABASE_URL);
  wire = wired.wire;
  throughWire = openDatabase(wired.url);
});
afterEach(async () => {
  await wire?.close();
  await throughWire?.close();
  await world?.dispose();
});

const workerOn = (on: Database): Promise<EmbeddingWorker> => world.worker({ database: on });
const documentOf = (count: number) => world.upload(count);

describe('When the database becomes unavailable while the provider works', () => {
  test('then the vectors are kept and stored once it is back, and nothing is paid for again', async () => {
    const { jobId, deliveries } = await documentOf(3);
    provider.respondWith(() => {
      wire.cut();
      return 'ok';
    });
    const worker = await workerOn(throughWire);
    const work = worker.process(deliveries);
    await waitFor('the provider to have answered', async () => provider.requests.length === 1);
    await waitFor('several attempts at storing to fail', async () => wire.refused >= 3);
    expect(await chunkCounts(database, jobId)).toEqual({ processing: 3 });
    wire.mend();
    expect((await work).map((result) => result.outcome)).toEqual(['done', 'done', 'done']);
    expect(await database.jobs.find(jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    expect(provider.requests).toHaveLength(1);
  });

  test('and the worker stops before it is back, then the stop does not wait for it', async () => {
    const { jobId, deliveries } = await documentOf(2);
    provider.respondWith(() => {
      wire.cut();
      return 'ok';
    });
    const worker = await workerOn(throughWire);
    const work = world.runningWork.run(() => worker.process(deliveries)).catch((error: Error) => error);
    await waitFor('the provider to have answered', async () => provider.requests.length === 1);
    await world.runningWork.release();
    expect(await work).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await chunkCounts(database, jobId)).toEqual({ processing: 2 });
  });
});

describe('When the database refuses one chunk of a batch', () => {
  test('then the batch is divided without another call, and only the poisoned chunk fails', async () => {
    const { jobId, chunkIds, deliveries } = await documentOf(5);
    const [, , poisoned = ''] = chunkIds;
    // A trigger that refuses one row represents any reason for which the database can refuse it.
    await database.sql.none(
      `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN IF NEW.chunk_index = 2 THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
       CREATE TRIGGER refuse BEFORE INSERT ON document_chunks FOR EACH ROW EXECUTE FUNCTION refuse()`,
    );
    const worker = await workerOn(database);
    await worker.process(deliveries);
    await world.runningWork.finish();
    const rows = await database.jobChunks.findAll(chunkIds);
    expect(rows.filter((row) => row.status !== 'success')).toMatchObject([
      { id: poisoned, status: 'retry_scheduled', lastErrorCode: 'INTERNAL', attempts: 1 },
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
    const hasty = openDatabase(world.config().DATABASE_URL, { statementTimeoutMs: 5_000 });
    try {
      const worker = await workerOn(hasty);
      await worker.process(deliveries);
      await world.runningWork.finish();
      const rows = await database.jobChunks.findAll(chunkIds);
      expect(rows.filter((row) => row.status !== 'success')).toMatchObject([
        { id: chunkIds[1], status: 'retry_scheduled', lastErrorCode: 'DATABASE_TIMEOUT', attempts: 1 },
      ]);
      expect((await database.jobs.find(jobId))?.processedChunks).toBe(1);
      expect(provider.requests).toHaveLength(1);
    } finally {
      await hasty.close();
    }
  });
});

/** Gives the chunks of one document the texts of another. The support makes different texts for each document. */
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
    const worker = await workerOn(database);
    const deliveries = [...first.deliveries, ...second.deliveries];
    await worker.process(deliveries);
    await world.runningWork.finish();
    // Chunks whose text was claimed for the other part come again.
    await worker.process(deliveries);
    await world.runningWork.finish();
    for (const { jobId } of [first, second]) {
      expect(await database.jobs.find(jobId)).toMatchObject({ status: 'completed', processedChunks: 3 });
    }
    const paid = provider.requests.slice(1).flatMap((request) => request.input);
    expect(paid.filter((text) => text !== probeText)).toHaveLength(3);
  });
});

describe('When a lease is lost while a call fails', () => {
  test('then nothing more is paid for chunks that another worker holds now', async () => {
    const { chunkIds, deliveries } = await documentOf(4);
    provider.respondWith(async (request) => {
      if (request.input.length > 1) {
        await database.sql.none('UPDATE job_chunks SET lease_token = $1', [newId()]);
        return { status: 500 };
      }
      return 'ok';
    });
    const worker = await workerOn(database);
    await worker.process(deliveries);
    await world.runningWork.finish();
    const texts = provider.requests.slice(1).flatMap((request) => request.input);
    expect(texts.filter((text) => text !== probeText)).toEqual([]);
    const rows = await database.jobChunks.findAll(chunkIds);
    expect(rows.map((row) => row.status)).toEqual(chunkIds.map(() => 'processing'));
    expect(await database.sql.many('SELECT * FROM embedding_claims')).toEqual([]);
  });
});

describe('When the provider refuses everything', () => {
  test('then a chunk whose vector is known is still stored', async () => {
    const first = await documentOf(2);
    const second = await documentOf(2);
    await copyTexts(first, second);
    const worker = await workerOn(database);
    await worker.process(first.deliveries);
    const third = await documentOf(1);
    provider.respondWith(() => ({ status: 401 }));
    const other = await workerOn(database);
    await other.process([...second.deliveries, ...third.deliveries]);
    expect((await database.jobs.find(second.jobId))?.status).toBe('completed');
    expect(await database.jobs.find(third.jobId)).toMatchObject({ status: 'failed', errorCode: 'EMBEDDING_REJECTED' });
  });
});

describe('When another worker embeds the same text', () => {
  test('then the delivery is postponed without an attempt, and the chunk takes the vector that was stored', async () => {
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
    const one = await workerOn(database);
    const other = await workerOn(database);
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

test('When the stored chunks were deleted, then the same texts are embedded again', async () => {
  const first = await documentOf(2);
  const worker = await workerOn(database);
  await worker.process(first.deliveries);
  expect(provider.requests).toHaveLength(1);
  await database.sql.none('DELETE FROM documents WHERE id = $1', [first.documentId]);
  const again = await documentOf(2);
  await worker.process(again.deliveries);
  expect(await database.jobs.find(again.jobId)).toMatchObject({ status: 'completed' });
  expect(provider.requests).toHaveLength(2);
});

test('When a server takes fewer texts than a batch has and fails between two calls, then no text is paid for twice', async () => {
  const most = 2;
  const paid: string[] = [];
  let limitsRate = false;
  provider.respondWith(({ input }) => {
    if (input.length > most) {
      return { status: 413, body: { message: `batch size ${input.length} > maximum allowed batch size ${most}` } };
    }
    if (limitsRate && paid.length > 0) {
      return { status: 429 };
    }
    paid.push(...input.filter((text) => text !== probeText));
    return 'ok';
  });
  const worker = await workerOn(database);
  await worker.process((await documentOf(3)).deliveries);
  expect(paid.splice(0)).toHaveLength(3);

  limitsRate = true;
  const { jobId, deliveries } = await documentOf(4);
  expect((await worker.process(deliveries)).map((result) => result.outcome)).toEqual([
    'done',
    'done',
    'paused',
    'paused',
  ]);
  expect(await chunkCounts(database, jobId)).toEqual({ success: 2, pending: 2 });
  limitsRate = false;
  await database.sql.none(`UPDATE provider_pauses SET paused_until = now() - interval '1 second'`);
  await worker.process(deliveries);
  expect(await chunkCounts(database, jobId)).toEqual({ success: 4 });
  expect([paid.length, new Set(paid).size]).toEqual([4, 4]);
});
