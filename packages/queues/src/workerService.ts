import { setTimeout } from 'node:timers/promises';
import { type Config, configuredModels } from '@millrace/config';
import { checkSetup, Database, databaseOptions } from '@millrace/database';
import {
  addPoolMetrics,
  createRegistry,
  type Logger,
  type Registry,
  type RunningService,
  startHealthServer,
} from '@millrace/telemetry';
import type { z } from 'zod';
import { checkRedis, closeConnection, untilReady, workerConnection } from './connection';
import { type QueueName, Queues } from './queues';
import { type DeliveryResult, QueueWorker } from './worker';

/** What every worker works with. */
export interface WorkTools {
  database: Database;
  queues: Queues;
  registry: Registry;
}

/** What a worker does with its deliveries, and how it lets go of them. */
export interface Work<T> {
  /** Deliveries in hand at once. */
  concurrency: number;
  handle: (delivery: T, queueJobId: string) => Promise<DeliveryResult>;
  /** Resolves when nothing is in hand any more; no delivery comes after it was called. */
  finish: () => Promise<void>;
  /** Gives back to the queue what is still in hand. */
  handBack: () => Promise<void>;
  close: () => Promise<void>;
}

export interface WorkerServiceOptions<T> {
  /** For logs, metrics and pg_stat_activity. */
  name: string;
  queueName: QueueName;
  schema: z.ZodType<T>;
  config: Config;
  logger: Logger;
  setUp: (tools: WorkTools) => Promise<Work<T>>;
}

/** Of the time a stop may take: how much goes to finishing, before what is left is handed back. */
const finishingShare = 0.6;
const closingShare = 0.15;

/**
 * A service that works on one queue: connections, start-up checks, the queue worker, health server, and the order in
 * which they stop.
 */
export async function startWorkerService<T>(options: WorkerServiceOptions<T>): Promise<RunningService> {
  const { name, config, logger } = options;
  const database = new Database(databaseOptions(config, `millrace-${name}`));
  const embedding = configuredModels(config);
  await checkSetup(database.sql, ...embedding);
  const redis = workerConnection(config.REDIS_URL, logger);
  await untilReady(redis, config.DATABASE_CONNECT_TIMEOUT_MS);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const registry = createRegistry(name);
  addPoolMetrics(registry, () => database.counts());

  const work = await options.setUp({ database, queues, registry });
  const worker = new QueueWorker({
    queueName: options.queueName,
    prefix: config.QUEUE_PREFIX,
    connection: redis,
    schema: options.schema,
    handle: work.handle,
    concurrency: work.concurrency,
    pauseQueue: (forMs) => queues.pause(options.queueName, forMs),
    lockMs: config.LEASE_MS,
    logger,
    registry,
  });
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    registry,
    checks: { database: () => checkSetup(database.probe, ...embedding), redis: () => checkRedis(redis) },
  });
  worker.start();

  const stopMs = config.SHUTDOWN_TIMEOUT_MS;
  return {
    urls: { healthUrl: health.url },
    stop: [
      {
        name: 'take no more deliveries',
        run: () => {
          database.endWaiting();
          return worker.pause();
        },
      },
      {
        name: 'finish what is in hand',
        run: () => Promise.race([work.finish(), setTimeout(stopMs * finishingShare, undefined, { ref: false })]),
      },
      { name: 'hand back what is unfinished', run: () => work.handBack() },
      { name: 'close the queues', run: () => worker.close(stopMs * closingShare).then(() => queues.close()) },
      { name: 'end the work', run: () => work.close() },
      { name: 'close the health server', run: () => health.close() },
      { name: 'close the connections', run: () => Promise.all([closeConnection(redis), database.close()]) },
    ],
  };
}
