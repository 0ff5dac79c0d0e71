import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BlobStore } from '@millrace/blobs';
import { type ChunkDispatch, MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { claimChunks, settleChunks } from '@millrace/lifecycle';
import type { Queues } from '@millrace/queues';
import { createSweeps, type Sweep } from '@millrace/reconciler';
import { Deliveries, Rounds } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { newJobChunk, unitVector } from '@millrace/test-support';
import type { BenchStack } from '../benchStack';
import { byClients } from '../clients';
import { execute } from '../databases';
import { Prose } from '../prose';
import type { Figures } from '../report';
import { percentiles, sum } from '../statistics';
import { claimedJob, leaseMs, retryPolicy, store, worker } from './jobs';

const wordsPerChunk = 250;
const settledAtOnce = 1_000;
const clients = 4;
/** One sweep looks at a bounded number of rows, so several are needed to see all. */
const sweepsOverDelivered = 10;
const maxSweeps = 50;

interface Setting {
  bench: BenchStack;
  database: Database;
  queues: Queues;
  /** Removes all keys of the queues. */
  forget: () => Promise<void>;
  quick: boolean;
}

/** Measures sweeps, status requests and retries of a job of 100,000 chunks, a fifth of them successes and a tenth failed. */
export async function bigJob(setting: Setting): Promise<Figures> {
  const { bench, database, queues, quick } = setting;
  const { databaseUrl } = bench;
  const size = quick ? 5_000 : 100_000;
  // Nothing here reads vectors. Without their indexes successes are made in a tenth of the time.
  await execute(databaseUrl, 'DROP INDEX document_chunks_embedding, document_chunks_fulltext');
  // Dead rows stay until the benchmark removes them.
  await execute(databaseUrl, 'ALTER TABLE job_chunks SET (autovacuum_enabled = false)');
  const prose = new Prose(2);
  const chunks = Array.from({ length: size }, (_, i) => newJobChunk(i, prose.passage(wordsPerChunk)));
  const job = await claimedJob(database);
  const [dispatches, storeMs] = await timed(() => store(database, job, chunks));
  await execute(databaseUrl, 'VACUUM ANALYZE job_chunks');
  const [, deliverMs] = await timed(() => queues.deliverChunks(dispatches));
  const swept = await measureSweeps(setting, size);
  const failed = await settleSome(database, dispatches.slice(0, 0.3 * size));
  const requests = quick ? 20 : 500;
  const atWork = await measureStatus(bench, job.jobId, requests, 'at_work');
  await execute(databaseUrl, 'VACUUM ANALYZE job_chunks');
  const vacuumed = await measureStatus(bench, job.jobId, requests, 'vacuumed');
  const retried = await measureRetries(setting, job.jobId, failed);
  return { store_big_job_ms: storeMs, deliver_big_job_ms: deliverMs, ...swept, ...atWork, ...vacuumed, ...retried };
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** Measures the reconciler's sweeps while all chunks wait: all of them delivered, then all deliveries lost. */
async function measureSweeps({ bench, database, queues, forget }: Setting, waiting: number): Promise<Figures> {
  const logger = createLogger('bench', 'warn');
  const deliveries = new Deliveries(queues, logger);
  const newSweeps = () =>
    createSweeps({
      database,
      deliveries,
      rounds: new Rounds(deliveries, createRegistry('bench'), logger),
      queues,
      blobs: new BlobStore(join(bench.stateDir, 'no-blobs')),
      leaseMs,
      retryPolicy,
      graceMs: 0,
      orphanAgeMs: 3_600_000,
      historyRetentionMs: 86_400_000,
      versionsKept: 1,
      payloadRetentionMs: 86_400_000,
      jobMaxRetries: 3,
      chunkMaxRetries: 3,
      logger,
    });
  const sweeps = newSweeps();
  const [, countersMs] = await timed(() => sweepNamed(sweeps, 'job_counters').run());
  const others: number[] = [];
  for (const sweep of sweeps.filter(({ name }) => name !== 'chunk_deliveries' && name !== 'job_counters')) {
    others.push((await timed(() => sweep.run()))[1]);
  }
  const delivered = await sweepDeliveries(newSweeps(), 0, ({ length }) => length === sweepsOverDelivered);
  await forget();
  const lost = await sweepDeliveries(newSweeps(), waiting, (_, mended) => mended === waiting);
  return {
    sweep_delivered_slowest_ms: Math.max(...delivered),
    sweep_lost_ms: sum(lost),
    sweep_lost_slowest_ms: Math.max(...lost),
    sweep_lost_sweeps: lost.length,
    sweep_job_counters_ms: countersMs,
    sweep_others_ms: sum(others),
  };
}

/** Repeats the sweep over deliveries until it is enough. @returns the milliseconds of each sweep. */
async function sweepDeliveries(
  sweeps: readonly Sweep[],
  expected: number,
  isEnough: (times: readonly number[], mended: number) => boolean,
): Promise<number[]> {
  const times: number[] = [];
  let mended = 0;
  while (!isEnough(times, mended) && times.length < maxSweeps) {
    const [more, ms] = await timed(() => sweepNamed(sweeps, 'chunk_deliveries').run());
    mended += more;
    times.push(ms);
  }
  if (mended !== expected) {
    throw new Error(`The sweeps mended ${mended} deliveries instead of ${expected}.`);
  }
  return times;
}

function sweepNamed(sweeps: readonly Sweep[], name: string): Sweep {
  const sweep = sweeps.find((candidate) => candidate.name === name);
  if (!sweep) {
    throw new Error(`The reconciler has no sweep ${name}.`);
  }
  return sweep;
}

/** Settles the chunks: every third fails, and every hundredth of those with another code. @returns the failed ones. */
async function settleSome(database: Database, dispatches: readonly ChunkDispatch[]): Promise<string[]> {
  const ids = dispatches.map(({ chunkId }) => chunkId);
  const failed = ids.filter((_, i) => i % 3 === 0);
  const rare = failed.filter((_, i) => i % 100 === 0);
  await settleAll(
    database,
    ids.filter((_, i) => i % 3 !== 0),
    'success',
  );
  await settleAll(
    database,
    failed.filter((_, i) => i % 100 !== 0),
    'EMBEDDING_TIMEOUT',
  );
  await settleAll(database, rare, 'EMBEDDING_REJECTED');
  return failed;
}

/** Claims chunks and settles all of them, as successes with any vector or as failed with this code. */
async function settleAll(
  database: Database,
  chunkIds: readonly string[],
  outcome: 'success' | 'EMBEDDING_TIMEOUT' | 'EMBEDDING_REJECTED',
): Promise<void> {
  const embedding = unitVector(1);
  const { active } = await database.embeddingModels.find();
  for (let start = 0; start < chunkIds.length; start += settledAtOnce) {
    const { token, chunks } = await claimChunks(database, {
      chunkIds: chunkIds.slice(start, start + settledAtOnce),
      worker,
      leaseMs,
    });
    const settlement = { token, embedded: [], failed: [], embeddingModel: active.key, claimedTexts: [] };
    const outcomes =
      outcome === 'success'
        ? { embedded: chunks.map((chunk) => ({ chunk, embedding })) }
        : {
            failed: chunks.map(({ id }) => ({
              chunkId: id,
              error: new MillraceError(outcome, 'The benchmark made it fail.'),
            })),
          };
    await settleChunks(database, { ...settlement, ...outcomes }, retryPolicy);
  }
}

/** Calls the API and reads the whole answer. @throws Error when it is no success. */
async function call<T>({ stack }: BenchStack, method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${stack.apiUrl}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} ${path} was answered with ${response.status}: ${text.slice(0, 500)}`);
  }
  return JSON.parse(text) as T;
}

/** Measures how fast the status of the job is answered to four clients without a pause. */
async function measureStatus(bench: BenchStack, jobId: string, requests: number, state: string): Promise<Figures> {
  const paths = {
    get_job: `/jobs/${jobId}`,
    get_chunks: `/jobs/${jobId}/chunks`,
    get_failed_chunks: `/jobs/${jobId}/chunks?status=failed&error_code=EMBEDDING_TIMEOUT`,
    get_rarely_failed_chunks: `/jobs/${jobId}/chunks?status=failed&error_code=EMBEDDING_REJECTED`,
  };
  const figures: Figures = {};
  for (const [name, path] of Object.entries(paths)) {
    const ask = () => call(bench, 'GET', path);
    await byClients(clients, Array<typeof ask>(20).fill(ask));
    const times = await byClients(clients, Array<typeof ask>(requests).fill(ask));
    Object.assign(figures, percentiles(`${state}_${name}`, times));
  }
  return figures;
}

/**
 * Measures how fast a retry is answered, for one chunk and for all failed ones, and when its last delivery is in Redis. No
 * worker takes deliveries meanwhile. Between the runs the chunks are claimed and fail again.
 */
async function measureRetries(setting: Setting, jobId: string, failedIds: readonly string[]): Promise<Figures> {
  const { database, quick } = setting;
  const singles = failedIds.slice(0, quick ? 20 : 200);
  const single: number[] = [];
  for (const id of singles) {
    single.push((await retry(setting, jobId, { chunk_ids: [id] }, 1)).answeredMs);
  }
  await settleAll(database, singles, 'EMBEDDING_TIMEOUT');
  const many: { answeredMs: number; deliveredMs: number }[] = [];
  for (let run = 0; run < (quick ? 1 : 5); run += 1) {
    many.push(await retry(setting, jobId, {}, failedIds.length));
    await settleAll(database, failedIds, 'EMBEDDING_TIMEOUT');
  }
  return {
    ...percentiles('retry_one', single),
    retry_many_chunks: failedIds.length,
    retry_many_fastest_answer_ms: Math.min(...many.map(({ answeredMs }) => answeredMs)),
    retry_many_slowest_answer_ms: Math.max(...many.map(({ answeredMs }) => answeredMs)),
    retry_many_fastest_delivery_ms: Math.min(...many.map(({ deliveredMs }) => deliveredMs)),
    retry_many_slowest_delivery_ms: Math.max(...many.map(({ deliveredMs }) => deliveredMs)),
  };
}

async function retry(
  { bench, queues, forget }: Setting,
  jobId: string,
  request: object,
  expected: number,
): Promise<{ answeredMs: number; deliveredMs: number }> {
  await forget();
  const start = performance.now();
  const { scheduled } = await call<{ scheduled: number }>(bench, 'POST', `/jobs/${jobId}/chunks/retry`, request);
  const answeredMs = performance.now() - start;
  if (scheduled !== expected) {
    throw new Error(`${scheduled} chunks were scheduled instead of ${expected}.`);
  }
  while ((await queues.chunks.getPrioritizedCount()) < expected) {
    await setTimeout(5);
  }
  return { answeredMs, deliveredMs: performance.now() - start };
}
