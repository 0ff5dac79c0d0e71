import { setTimeout } from 'node:timers/promises';
import { BlobStore } from '@millrace/blobs';
import { type Config, configuredModels } from '@millrace/config';
import { checkSetup, Database, databaseOptions } from '@millrace/database';
import { checkRedis, closeConnection, producerConnection, Queues, untilReady } from '@millrace/queues';
import {
  addPoolMetrics,
  createRegistry,
  type Logger,
  type RunningService,
  startHealthServer,
} from '@millrace/telemetry';
import { createReconcilerMetrics, type ReconcilerMetrics, runSweeps, type Sweep } from './run';
import { createSweeps } from './sweeps';

/** The advisory lock that a reconciler holds while it sweeps; any number, but nobody else's. */
const lockKey = 7_316_420_017;
/** Longer than any sweep takes: one that is frozen must not keep the others from sweeping. */
const longestSweepMs = 60_000;

/**
 * Starts a reconciler: it finds and mends what crashes, lost deliveries and wrong clocks have left behind. Any number
 * may run: one of them sweeps at a time, whichever's turn comes first.
 */
export async function startReconciler(config: Config, logger: Logger): Promise<RunningService> {
  const database = new Database({
    ...databaseOptions(config, 'millrace-reconciler'),
    // One connection holds the lock while the sweeps use others.
    poolMax: Math.max(2, config.DATABASE_POOL_MAX),
  });
  const embedding = configuredModels(config);
  await checkSetup(database.sql, ...embedding);
  // A producer's connection: with Redis away a sweep fails at once instead of holding up those that need no Redis.
  const redis = producerConnection(config.REDIS_URL, logger);
  await untilReady(redis, config.DATABASE_CONNECT_TIMEOUT_MS);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const registry = createRegistry('reconciler');
  addPoolMetrics(registry, () => database.counts());
  const metrics = createReconcilerMetrics(registry);
  const sweeps = createSweeps({
    database,
    queues,
    blobs: new BlobStore(config.BLOB_DIR),
    leaseMs: config.LEASE_MS,
    retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
    graceMs: config.RECONCILE_GRACE_MS,
    orphanAgeMs: config.ORPHAN_AGE_MS,
    payloadRetentionMs: config.PAYLOAD_RETENTION_MS,
    jobMaxRetries: config.JOB_MAX_RETRIES,
    chunkMaxRetries: config.CHUNK_MAX_RETRIES,
    logger,
  });
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    registry,
    checks: { database: () => checkSetup(database.probe, ...embedding), redis: () => checkRedis(redis) },
  });
  const stopping = new AbortController();
  const turns = takeTurns({ database, sweeps, everyMs: config.RECONCILE_INTERVAL_MS, logger, metrics, stopping });
  return {
    urls: { healthUrl: health.url },
    stop: [
      {
        name: 'finish the sweep',
        run: () => {
          stopping.abort();
          database.endWaiting();
          return turns;
        },
      },
      { name: 'close the queues', run: () => queues.close() },
      { name: 'close the health server', run: () => health.close() },
      { name: 'close the connections', run: () => Promise.all([closeConnection(redis), database.close()]) },
    ],
  };
}

interface TurnOptions {
  database: Database;
  sweeps: readonly Sweep[];
  everyMs: number;
  logger: Logger;
  metrics: ReconcilerMetrics;
  stopping: AbortController;
}

/** Sweeps, or finds that another process does, until it is told to stop. */
async function takeTurns({ database, sweeps, everyMs, logger, metrics, stopping }: TurnOptions): Promise<void> {
  const { signal } = stopping;
  while (!signal.aborted) {
    try {
      const swept = await database.exclusively(lockKey, longestSweepMs, () =>
        runSweeps(untilStopped(sweeps, signal), logger, metrics),
      );
      metrics.turns.inc({ outcome: swept ? 'swept' : 'stood by' });
    } catch (error) {
      metrics.turns.inc({ outcome: 'failed' });
      logger.warn({ err: error }, 'the reconciler cannot sweep just now');
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The sweeps, none of which begins once the signal has come. */
function untilStopped(sweeps: readonly Sweep[], signal: AbortSignal): Sweep[] {
  return sweeps.map(({ name, run }) => ({ name, run: async () => (signal.aborted ? 0 : run()) }));
}
