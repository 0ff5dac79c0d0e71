import { BlobStore } from '@millrace/blobs';
import type { Database } from '@millrace/database';
import type { Queues } from '@millrace/queues';
import { createSweeps, type Sweep } from '@millrace/reconciler';
import { Deliveries } from '@millrace/runtime';
import { createLogger } from '@millrace/telemetry';
import type { BenchmarkResult } from '../report';
import { format } from '../statistics';
import { leaseMs, retryPolicy } from './jobs';

/** A sweep looks at a part of the chunks; so many look at several parts. */
const soundTurns = 10;
const mostTurns = 50;

export interface SweepingOptions {
  database: Database;
  queues: Queues;
  forget: () => Promise<void>;
  blobDir: string;
  /** Chunks that wait for their deliveries, all of which are in the queue. */
  waiting: number;
}

/** How long the reconciler's sweeps take over 100,000 waiting chunks: all delivered, and after Redis lost everything. */
export async function sweeping(options: SweepingOptions): Promise<BenchmarkResult> {
  const logger = createLogger('bench', 'warn');
  const deliveries = new Deliveries(options.queues, logger);
  const newSweeps = () =>
    createSweeps({
      database: options.database,
      queues: options.queues,
      deliveries,
      blobs: new BlobStore(options.blobDir),
      leaseMs,
      retryPolicy,
      graceMs: 0,
      orphanAgeMs: 3_600_000,
      payloadRetentionMs: 86_400_000,
      jobMaxRetries: 3,
      chunkMaxRetries: 3,
      logger,
    });
  const sweeps = newSweeps();
  const counters = await timed(sweepNamed(sweeps, 'job_counters'));
  const others: number[] = [];
  for (const sweep of sweeps.filter(({ name }) => name !== 'chunk_deliveries' && name !== 'job_counters')) {
    others.push((await timed(sweep)).ms);
  }
  const sound = await repeat(sweepNamed(newSweeps(), 'chunk_deliveries'), (turns) => turns.length === soundTurns);
  expect(sound, 0);
  await options.forget();
  const lost = await repeat(
    sweepNamed(newSweeps(), 'chunk_deliveries'),
    (turns) => mendedIn(turns) === options.waiting || turns.length === mostTurns,
  );
  expect(lost, options.waiting);
  const slowestSound = Math.max(...sound.map(({ ms }) => ms));
  const count = options.waiting.toLocaleString('en');
  return {
    table: [
      [`chunk_deliveries, ${count} waiting and delivered, slowest of ${soundTurns}`, `${format(slowestSound)} ms`],
      [
        `chunk_deliveries, ${count} waiting and all lost, until the last is delivered again`,
        lost.map(({ ms }) => `${format(ms / 1000)} s`).join(' + '),
      ],
      [`job_counters, one job of ${count} chunks`, `${format(counters.ms)} ms`],
      [`the other ${others.length} sweeps together`, `${format(others.reduce((sum, ms) => sum + ms, 0))} ms`],
    ],
    figures: {
      sweep_delivered_slowest_ms: slowestSound,
      sweep_lost_ms: lost.reduce((sum, { ms }) => sum + ms, 0),
      sweep_lost_slowest_ms: Math.max(...lost.map(({ ms }) => ms)),
      sweep_job_counters_ms: counters.ms,
      sweep_others_ms: others.reduce((sum, ms) => sum + ms, 0),
    },
  };
}

interface Turn {
  ms: number;
  mended: number;
}

async function repeat(sweep: Sweep, isEnough: (turns: readonly Turn[]) => boolean): Promise<Turn[]> {
  const turns: Turn[] = [];
  while (!isEnough(turns)) {
    turns.push(await timed(sweep));
  }
  return turns;
}

function mendedIn(turns: readonly Turn[]): number {
  return turns.reduce((sum, { mended }) => sum + mended, 0);
}

async function timed(sweep: Sweep): Promise<Turn> {
  const start = performance.now();
  const mended = await sweep.run();
  return { ms: performance.now() - start, mended };
}

function sweepNamed(sweeps: readonly Sweep[], name: string): Sweep {
  const sweep = sweeps.find((candidate) => candidate.name === name);
  if (!sweep) {
    throw new Error(`the reconciler has no sweep ${name}`);
  }
  return sweep;
}

function expect(turns: readonly Turn[], mended: number): void {
  if (mendedIn(turns) !== mended) {
    throw new Error(`the sweeps mended ${mendedIn(turns)} deliveries instead of ${mended}`);
  }
}
