import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BlobStore, originalKey } from '@millrace/blobs';
import { newId } from '@millrace/contracts';
import { type Database, ReEmbedding } from '@millrace/database';
import { cancelJob, claimChunks, claimJob, deleteDocument } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { Deliveries, Rounds } from '@millrace/runtime';
import { createLogger, createRegistry, type Registry } from '@millrace/telemetry';
import { createTestEnvironment, plainModel, type TestEnvironment } from '@millrace/test-support';
import {
  acceptedDocument,
  chunkedDocument,
  endedDocument,
  openDatabase,
  settleClaim,
  testActor,
} from '@millrace/test-support/lifecycle';
import { openQueues } from '@millrace/test-support/queues';
import { createReconcilerMetrics, createSweeps, runSweeps, type Sweep } from '../src';
import { history } from '../src/history';

const lines: string[] = [];
const logger = createLogger('test', 'warn', { write: (line) => void lines.push(line) });
let registry: Registry;
const leaseMs = 60_000;
let environment: TestEnvironment;
let database: Database;
let closeQueues: () => Promise<void>;
let queues: Queues;
let sweeps: Map<string, Sweep>;

beforeEach(async () => {
  environment = await createTestEnvironment();
  const config = environment.config();
  database = openDatabase(config.DATABASE_URL);
  ({ queues, close: closeQueues } = await openQueues(config));
  registry = createRegistry('test');
  const deliveries = new Deliveries(queues, logger);
  const created = createSweeps({
    database,
    queues,
    deliveries,
    rounds: new Rounds(deliveries, registry, logger),
    blobs: new BlobStore(config.BLOB_DIR),
    leaseMs,
    retryPolicy: { backoffMs: 0 },
    graceMs: 1_000,
    orphanAgeMs: 5_000,
    payloadRetentionMs: 86_400_000,
    historyRetentionMs: 86_400_000,
    versionsKept: 1,
    jobMaxRetries: 3,
    chunkMaxRetries: 3,
    logger,
  });
  sweeps = new Map(created.map((sweep) => [sweep.name, sweep]));
});
afterEach(async () => {
  await closeQueues();
  await database?.close();
  await environment?.cleanUp();
});

const sweep = (name: string) => sweeps.get(name)?.run();
/** Makes rows look as if nothing had happened to them for an hour. */
const age = (table: 'jobs' | 'job_chunks') =>
  database.sql.none(`UPDATE ${table} SET updated_at = updated_at - interval '1 hour'`);
const runOut = (table: 'jobs' | 'job_chunks') =>
  database.sql.none(`UPDATE ${table} SET lease_expires_at = now() - interval '1 second' WHERE lease_token IS NOT NULL`);
const chunkRows = (ids: string[]) => database.jobChunks.findAll(ids);

describe('Lost deliveries', () => {
  test('When a job was never dispatched, then it is delivered, once', async () => {
    const { job } = await acceptedDocument(database);
    expect(await sweep('job_deliveries')).toBe(0);
    await age('jobs');
    expect(await sweep('job_deliveries')).toBe(1);
    expect(await database.jobs.find(job.id)).toMatchObject({ queueJobId: `${job.id}.2`, status: 'queued' });
    expect(await queues.documents.getJobState(`${job.id}.2`)).toBe('prioritized');
    await age('jobs');
    expect(await sweep('job_deliveries')).toBe(0);
  });

  test('When Redis has lost everything, then each waiting chunk is delivered again, and settled ones are not', async () => {
    const { chunkIds } = await chunkedDocument(database, 5);
    const [first = '', ...rest] = chunkIds;
    await settleClaim(database, await claimChunks(database, { chunkIds: [first], worker: 'test', leaseMs }));
    await age('job_chunks');
    expect(await sweep('chunk_deliveries')).toBe(4);
    const rows = await chunkRows(rest);
    for (const row of rows) {
      expect(row.queueJobId).toBe(`${row.id}.2`);
      expect(await queues.chunks.getJobState(row.queueJobId)).toBe('prioritized');
    }
    await age('job_chunks');
    expect(await sweep('chunk_deliveries')).toBe(0);
  });

  test('When a person removes one delivery, then only that one is made again', async () => {
    const { chunkIds } = await chunkedDocument(database, 3);
    await age('job_chunks');
    await sweep('chunk_deliveries');
    const [removed = ''] = chunkIds;
    await queues.chunks.remove(`${removed}.2`);
    await age('job_chunks');
    expect(await sweep('chunk_deliveries')).toBe(1);
    expect(await queues.chunks.getJobState(`${removed}.3`)).toBe('prioritized');
  });

  test('When the delivery of a later retry is lost, then the new one waits as long', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    await database.sql.none(
      `UPDATE job_chunks SET status = 'retry_scheduled', next_attempt_at = now() + interval '1 hour'`,
    );
    await age('job_chunks');
    expect(await sweep('chunk_deliveries')).toBe(1);
    expect(await queues.chunks.getJobState(`${chunkId}.2`)).toBe('delayed');
  });

  test('When a clock was ahead while rows were written, then their lost deliveries are found and wait at most an hour', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    const [chunkId = ''] = chunkIds;
    await database.sql.none(
      `UPDATE job_chunks SET status = 'retry_scheduled', updated_at = now() + interval '1 day',
         next_attempt_at = now() + interval '1 day'`,
    );
    expect(await sweep('chunk_deliveries')).toBe(1);
    const delivery = await queues.chunks.getJob(`${chunkId}.2`);
    expect(delivery?.delay).toBeLessThanOrEqual(3_600_000);
  });

  test('When more rows wait than one page holds, then all are checked', async () => {
    await chunkedDocument(database, 2_300);
    await age('job_chunks');
    expect(await sweep('chunk_deliveries')).toBe(2_300);
    expect(await queues.chunks.count()).toBe(2_300);
  });
});

describe('Leases', () => {
  test('When a chunker has died, then its job is queued again with a delivery', async () => {
    const { job } = await acceptedDocument(database);
    await claimJob(database, { jobId: job.id, worker: 'dead', leaseMs });
    expect(await sweep('job_leases')).toBe(0);
    await runOut('jobs');
    expect(await sweep('job_leases')).toBe(1);
    expect(await database.jobs.find(job.id)).toMatchObject({ status: 'queued', attempts: 1 });
    expect(await queues.documents.getJobState(`${job.id}.2`)).toBe('prioritized');
  });

  test('When an embedder has died, then its chunks fail as WORKER_LOST and are delivered for another attempt', async () => {
    const { jobId, documentId, chunkIds } = await chunkedDocument(database, 2);
    await claimChunks(database, { chunkIds, worker: 'dead', leaseMs });
    await runOut('job_chunks');
    lines.length = 0;
    // The round ends only when all of its chunks are settled, and both are.
    expect(await sweep('chunk_leases')).toBe(2);
    for (const row of await chunkRows(chunkIds)) {
      expect(row).toMatchObject({ status: 'retry_scheduled', lastErrorCode: 'WORKER_LOST' });
      expect(await queues.chunks.getJobState(row.queueJobId)).toMatch(/prioritized|delayed/);
    }
    expect((await database.jobs.find(jobId))?.status).toBe('retrying');
    const failed = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'a chunk failed');
    expect(failed.map(({ chunkId }) => chunkId).sort()).toEqual([...chunkIds].sort());
    expect(failed[0]).toMatchObject({ jobId, documentId, attempt: 1, code: 'WORKER_LOST' });
    const metrics = await registry.metrics();
    expect(metrics).toMatch(/^millrace_chunk_attempts_total\{attempt="1",outcome="failed",service="test"\} 2$/m);
    // What has not happened yet is counted as well: the ratios of the rules need it.
    expect(metrics).toMatch(/^millrace_chunk_attempts_total\{attempt="5",outcome="success",service="test"\} 0$/m);
    expect(metrics).toMatch(/^millrace_chunks_given_up_total\{reason="exhausted",service="test"\} 0$/m);
  });

  test('When history is old, then the sweep removes it and says how much', async () => {
    const { jobId } = await endedDocument(database, 3);
    expect(await sweep('history')).toBe(0);
    await database.sql.none(`UPDATE jobs SET finished_at = finished_at - interval '2 days'`);
    // After a sweep that found nothing, the next one rests. Another reconciler does not.
    expect(await sweep('history')).toBe(0);
    expect(await history({ database, historyRetentionMs: 86_400_000 })()).toBe(4);
    expect((await database.jobs.find(jobId))?.prunedAt).not.toBeNull();
  });

  test('When a clock was wrong by a day, then a lease ends no later than any other, and expires', async () => {
    const { chunkIds } = await chunkedDocument(database, 1);
    await claimChunks(database, { chunkIds, worker: 'dead', leaseMs });
    await database.sql.none(`UPDATE job_chunks SET lease_expires_at = lease_expires_at + interval '1 day'`);
    expect(await sweep('lease_deadlines')).toBe(1);
    const [row] = await chunkRows(chunkIds);
    expect((row?.leaseExpiresAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(leaseMs + 1_000);
    expect(await sweep('lease_deadlines')).toBe(0);
  });
});

describe('Old versions', () => {
  test('When a document has more than are kept, then the oldest goes with its original', async () => {
    const externalId = newId();
    const made = [];
    for (let i = 0; i < 3; i += 1) {
      made.push(await endedDocument(database, 1, { externalId }));
    }
    const [oldest = '', kept = ''] = made.map(({ documentId }) => documentId);
    const { BLOB_DIR: folder } = environment.config();
    for (const id of [oldest, kept]) {
      const key = originalKey(id);
      await database.sql.none('UPDATE documents SET source_path = $2 WHERE id = $1', [id, key]);
      await mkdir(dirname(join(folder, key)), { recursive: true });
      await writeFile(join(folder, key), 'original');
    }
    expect(await sweep('old_versions')).toBe(1);
    expect(await sweep('old_versions')).toBe(0);
    expect(await database.documents.find(oldest)).toBeNull();
    expect(await database.documents.find(kept)).toMatchObject({ version: 2, isCurrent: false });
    const files = await readdir(folder, { recursive: true });
    expect(files.filter((file) => file.includes(oldest))).toEqual([]);
    expect(files.filter((file) => file.includes(kept))).toHaveLength(1);
  });
});

describe('Counters', () => {
  test('When they disagree with the chunks, then they are reconciled and the overdue end follows', async () => {
    const { documentId, jobId, chunkIds } = await chunkedDocument(database, 2);
    await settleClaim(
      database,
      await claimChunks(database, { chunkIds: chunkIds.slice(0, 1), worker: 'test', leaseMs }),
    );
    expect(await sweep('job_counters')).toBe(0);
    await database.sql.none('UPDATE jobs SET processed_chunks = 0 WHERE id = $1', [jobId]);
    await settleClaim(database, await claimChunks(database, { chunkIds: chunkIds.slice(1), worker: 'test', leaseMs }));
    expect((await database.jobs.find(jobId))?.status).toBe('processing');
    expect(await sweep('job_counters')).toBe(1);
    expect(await database.jobs.find(jobId)).toMatchObject({ status: 'completed', processedChunks: 2 });
    expect((await database.documents.find(documentId))?.status).toBe('ready');
    expect(await sweep('job_counters')).toBe(0);
  });
});

describe('Retention', () => {
  test('When texts of failed chunks are older than their retention, then they are removed, and younger ones stay', async () => {
    const old = await chunkedDocument(database, 2);
    const young = await chunkedDocument(database, 1);
    await cancelJob(database, old.jobId, testActor);
    await cancelJob(database, young.jobId, testActor);
    await database.sql.none(`UPDATE job_chunks SET updated_at = now() - interval '2 days' WHERE job_id = $1`, [
      old.jobId,
    ]);
    expect(await sweep('expired_payloads')).toBe(2);
    const { kept } = await database.sql.one<{ kept: number }>(
      'SELECT count(payload)::integer AS kept FROM job_chunks WHERE job_id = $1',
      [young.jobId],
    );
    expect(kept).toBe(1);
  });

  test('When a claim on a text was never released, then it is removed once it has expired', async () => {
    await database.embeddingClaims.take({ contentHashes: ['a', 'b'], model: 'm', token: newId(), leaseMs: 60_000 });
    await database.sql.none(
      `UPDATE embedding_claims SET expires_at = now() - interval '1 second' WHERE content_hash = 'a'`,
    );
    expect(await sweep('embedding_claims')).toBe(1);
    expect(await sweep('embedding_claims')).toBe(0);
  });
});

describe('Blobs', () => {
  test('When no document names a file, then it is removed once it is old; a named file and a young file stay', async () => {
    const { BLOB_DIR } = environment.config();
    const put = async (id: string, old: boolean) => {
      const file = join(BLOB_DIR, originalKey(id));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, 'x');
      const at = new Date(Date.now() - (old ? 60_000 : 0));
      await utimes(file, at, at);
    };
    const named = await acceptedDocument(database);
    const deleted = await acceptedDocument(database);
    await deleteDocument(database, deleted.document.id, testActor);
    const young = newId();
    await database.sql.none('UPDATE documents SET source_path = $1', [originalKey(named.document.id)]);
    await put(named.document.id, true);
    await put(deleted.document.id, true);
    await put(young, false);
    // Four sweeps see all folders.
    const removed = [];
    for (let n = 0; n < 4; n += 1) {
      removed.push(await sweep('orphaned_blobs'));
    }
    expect(removed.reduce((sum: number, count) => sum + (count ?? 0), 0)).toBe(1);
    const left = (await readdir(BLOB_DIR, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(left.map((entry) => entry.name).sort()).toEqual([named.document.id, young].sort());
  });
});

test('When most files belong to no document, then the sweep takes the database for the wrong one and removes nothing', async () => {
  const { BLOB_DIR } = environment.config();
  const at = new Date(Date.now() - 60_000);
  for (let n = 0; n < 30; n += 1) {
    const file = join(BLOB_DIR, originalKey(`01900000-0000-7000-8000-0000000000${String(n).padStart(2, '0')}`));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, 'x');
    await utimes(file, at, at);
  }
  await expect(sweep('orphaned_blobs')).rejects.toThrow('30 of 30 originals belong to no document.');
  const left = (await readdir(BLOB_DIR, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(left).toHaveLength(30);
});

test('When a change to another model begins, then one turn ends the jobs of the old change and begins new ones', async () => {
  const { chunkIds } = await chunkedDocument(database, 2);
  await settleClaim(database, await claimChunks(database, { chunkIds, worker: 'test', leaseMs }));
  const reEmbedding = new ReEmbedding(database, { databaseUrl: environment.config().DATABASE_URL });
  const turn = () => runSweeps([...sweeps.values()], logger, createReconcilerMetrics(createRegistry('test')));
  await reEmbedding.begin(plainModel('second-model', 64));
  await turn();
  await reEmbedding.cancel({ kind: 'cli' });
  await reEmbedding.begin(plainModel('third-model', 64));
  await turn();
  const jobs = await database.sql.many(
    `SELECT r.model, j.status FROM jobs j JOIN re_embeddings r ON r.id = j.re_embedding_id ORDER BY r.model`,
  );
  expect(jobs).toEqual([
    { model: 'second-model', status: 'cancelled' },
    { model: 'third-model', status: 'processing' },
  ]);
});

test('When one sweep fails, then it is counted and the others still run', async () => {
  const registry = createRegistry('test');
  const metrics = createReconcilerMetrics(registry);
  const ran: string[] = [];
  await runSweeps(
    [
      { name: 'broken', run: () => Promise.reject(new Error('Redis is unreachable')) },
      {
        name: 'whole',
        run: async () => {
          ran.push('whole');
          return 3;
        },
      },
    ],
    logger,
    metrics,
  );
  expect(ran).toEqual(['whole']);
  expect((await metrics.failures.get()).values).toMatchObject([{ labels: { sweep: 'broken' }, value: 1 }]);
  const mended = (await metrics.mended.get()).values;
  expect(mended).toMatchObject([{ labels: { sweep: 'whole' }, value: 3 }]);
  expect((await metrics.turns.get()).values).toMatchObject([{ labels: { outcome: 'swept' }, value: 0 }]);
});
