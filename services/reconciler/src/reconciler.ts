import { setTimeout } from 'node:timers/promises';
import { BlobStore } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import type { Database } from '@millrace/database';
import { Rounds, type RunningService, startBackgroundService } from '@millrace/runtime';
import type { Logger } from '@millrace/telemetry';
import { createReconcilerMetrics, type ReconcilerMetrics, runSweeps, type Sweep } from './runSweeps';
import { createSweeps } from './sweeps';

/** The key of the advisory lock that a reconciler holds while it sweeps. No other lock has this number. */
const lockKey = 7_316_420_017;
/** The lock of a frozen reconciler ends after this time, so that another one can sweep. No sweep takes as long. */
const maxLockMs = 60_000;

/**
 * Starts a reconciler. It finds and repairs the damage of crashes, lost deliveries and wrong clocks. Any number of
 * reconcilers may run; one sweeps at a time.
 */
export function startReconciler(config: Config, logger: Logger): Promise<RunningService> {
  const options = {
    name: 'reconciler',
    config,
    logger,
    // While Redis is unreachable, a sweep that needs it fails at once, and the other sweeps run.
    redis: 'producer',
    // One connection holds the lock while the sweeps use others.
    database: { poolMax: Math.max(2, config.DATABASE_POOL_MAX) },
  } as const;
  return startBackgroundService(options, async ({ database, queues, deliveries, registry }) => {
    const metrics = createReconcilerMetrics(registry);
    const sweeps = createSweeps({
      database,
      queues,
      deliveries,
      rounds: new Rounds(deliveries, registry, logger),
      blobs: new BlobStore(config.BLOB_DIR),
      leaseMs: config.LEASE_MS,
      retryPolicy: { backoffMs: config.RETRY_BACKOFF_MS },
      graceMs: config.RECONCILE_GRACE_MS,
      orphanAgeMs: config.ORPHAN_AGE_MS,
      payloadRetentionMs: config.PAYLOAD_RETENTION_MS,
      versionsKept: config.VERSIONS_KEPT,
      historyRetentionMs: config.HISTORY_RETENTION_MS,
      jobMaxRetries: config.JOB_MAX_RETRIES,
      chunkMaxRetries: config.CHUNK_MAX_RETRIES,
      logger,
    });
    const stopping = new AbortController();
    let turns: Promise<void> | undefined;
    return {
      begin: () => {
        const { signal } = stopping;
        turns = takeTurns({ database, sweeps, everyMs: config.RECONCILE_INTERVAL_MS, logger, metrics, signal });
      },
      stop: [
        {
          name: 'finish the sweep',
          run: async () => {
            stopping.abort();
            database.stopRetrying();
            await turns;
          },
        },
      ],
    };
  });
}

interface TurnOptions {
  database: Database;
  sweeps: readonly Sweep[];
  everyMs: number;
  logger: Logger;
  metrics: ReconcilerMetrics;
  /** No turn and no sweep begins after it has aborted. */
  signal: AbortSignal;
}

/** Takes a turn every `everyMs`. A turn is skipped while another reconciler sweeps. */
async function takeTurns({ database, sweeps, everyMs, logger, metrics, signal }: TurnOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      const swept = await database.tryWithLock(lockKey, maxLockMs, () =>
        runSweeps(untilStopped(sweeps, signal), logger, metrics),
      );
      metrics.turns.inc({ outcome: swept ? 'swept' : 'skipped' });
    } catch (error) {
      metrics.turns.inc({ outcome: 'failed' });
      logger.warn({ err: error }, 'the reconciler could not sweep');
    }
    await setTimeout(everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Returns the sweeps, changed so that they do nothing once the signal has aborted. */
function untilStopped(sweeps: readonly Sweep[], signal: AbortSignal): Sweep[] {
  return sweeps.map(({ name, run }) => ({ name, run: async () => (signal.aborted ? 0 : run()) }));
}
