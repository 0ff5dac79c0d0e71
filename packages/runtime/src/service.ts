import { hostname } from 'node:os';
import { type Config, configuredModels } from '@millrace/config';
import { checkSetup, Database, type DatabaseOptions, databaseOptions, tlsWarning } from '@millrace/database';
import {
  checkRedis,
  closeConnection,
  producerConnection,
  Queues,
  untilReady,
  workerConnection,
} from '@millrace/queues';
import {
  addPoolMetrics,
  type Checks,
  createRegistry,
  type Logger,
  type Registry,
  startHealthServer,
} from '@millrace/telemetry';
import type { Redis } from 'ioredis';
import { Deliveries } from './deliveries';
import type { RunningService } from './runService';
import type { ShutdownPhase } from './shutdown';

/** The share of SHUTDOWN_TIMEOUT_MS in which running deliveries may finish. */
const deliveringShare = 0.15;

export interface ServiceOptions {
  /** For logs, metrics and pg_stat_activity. */
  name: string;
  config: Config;
  logger: Logger;
  /** While Redis is unreachable, a producer's command fails at once and a worker's command waits. */
  redis: 'producer' | 'worker';
  /** Replaces options of the database connection. */
  database?: Partial<DatabaseOptions>;
}

/** The tools of every service. */
export interface ServiceTools {
  config: Config;
  logger: Logger;
  database: Database;
  redis: Redis;
  queues: Queues;
  deliveries: Deliveries;
  registry: Registry;
  /** The checks that must pass for the service to be ready. */
  checks: Checks;
  /** Names this process in leases and attempts. */
  worker: string;
}

/**
 * Starts a service: connects, checks the setup, and calls `start` with the tools. When the service stops, the phases
 * that `start` returns run first; the connections are closed last.
 * @throws MillraceError SETUP_INVALID, DATABASE_UNAVAILABLE or QUEUE_UNAVAILABLE
 */
export async function startService(
  options: ServiceOptions,
  start: (tools: ServiceTools) => Promise<RunningService>,
): Promise<RunningService> {
  const database = openDatabase(options);
  let redis: Redis | undefined;
  try {
    await checkDatabase(database, options);
    redis = await connectRedis(options);
    const tools = toolsOf(options, database, redis);
    const { urls, stop } = await start(tools);
    return { urls, stop: [...stop, ...closing(tools)] };
  } catch (error) {
    // An open connection would keep a process alive that has nothing to do.
    await Promise.all([redis && closeConnection(redis), database.close()]);
    throw error;
  }
}

/** A service that serves no requests but those of health and metrics. */
export interface BackgroundService {
  /** Begins the work. The health server listens by then. */
  begin: () => void;
  stop: ShutdownPhase[];
}

/** Starts a service as startService does, with a health server: see startHealthServer. */
export function startBackgroundService(
  options: ServiceOptions,
  setUp: (tools: ServiceTools) => Promise<BackgroundService>,
): Promise<RunningService> {
  return startService(options, async (tools) => {
    const { begin, stop } = await setUp(tools);
    const { config, registry, checks } = tools;
    const health = await startHealthServer({ host: config.HEALTH_HOST, port: config.HEALTH_PORT, registry, checks });
    begin();
    return {
      urls: { healthUrl: health.url },
      stop: [...stop, { name: 'close the health server', run: () => health.close() }],
    };
  });
}

function openDatabase({ name, config, logger, database }: ServiceOptions): Database {
  return new Database({
    ...databaseOptions(config, `millrace-${name}`),
    ...(logger.isLevelEnabled('trace') ? { onStatement: (sql) => logger.trace({ sql }, 'statement') } : {}),
    ...database,
  });
}

async function checkDatabase(database: Database, { config, logger }: ServiceOptions): Promise<void> {
  const warnings = await checkSetup(database.sql, ...configuredModels(config));
  for (const warning of [...tlsWarnings(config), ...warnings]) {
    logger.warn(warning);
  }
}

async function connectRedis({ config, logger, redis }: ServiceOptions): Promise<Redis> {
  const connection = (redis === 'worker' ? workerConnection : producerConnection)(config.REDIS_URL, logger);
  try {
    await untilReady(connection, config.DATABASE_CONNECT_TIMEOUT_MS);
    return connection;
  } catch (error) {
    connection.disconnect();
    throw error;
  }
}

function toolsOf({ name, config, logger }: ServiceOptions, database: Database, redis: Redis): ServiceTools {
  const embedding = configuredModels(config);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const registry = createRegistry(name);
  addPoolMetrics(registry, () => database.counts());
  return {
    config,
    logger,
    database,
    redis,
    queues,
    deliveries: new Deliveries(queues, logger),
    registry,
    checks: { database: () => checkSetup(database.probe, ...embedding), redis: () => checkRedis(redis).then(() => []) },
    worker: `${hostname()}:${process.pid}`,
  };
}

function tlsWarnings({ DATABASE_URL, DATABASE_READ_URL, DATABASE_CA_FILE }: Config): string[] {
  return Object.entries({ DATABASE_URL, DATABASE_READ_URL }).flatMap(([variable, url]) => {
    const warning = url && tlsWarning(variable, url, DATABASE_CA_FILE);
    return warning ? [warning] : [];
  });
}

function closing({ config, database, redis, queues, deliveries }: ServiceTools): ShutdownPhase[] {
  return [
    { name: 'finish the deliveries', run: () => deliveries.finish(config.SHUTDOWN_TIMEOUT_MS * deliveringShare) },
    { name: 'close the queues', run: () => queues.close() },
    { name: 'close the connections', run: () => Promise.all([closeConnection(redis), database.close()]) },
  ];
}
