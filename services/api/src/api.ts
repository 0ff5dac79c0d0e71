import type { AddressInfo } from 'node:net';
import { BlobStore } from '@millrace/blobs';
import { type Config, configuredModels, resolveApiKey } from '@millrace/config';
import { checkSetup, Database, databaseOptions } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import { checkRedis, closeConnection, producerConnection, Queues, untilReady } from '@millrace/queues';
import {
  addPoolMetrics,
  addReadMetric,
  createRegistry,
  type Logger,
  listen,
  type RunningService,
} from '@millrace/telemetry';
import { createApp } from './app';
import { Deliveries } from './deliveries';
import { closeServer, createHttpServer } from './http/server';
import { Unlocker } from './uploads/unlocker';

/** Starts the API server. */
export async function startApi(config: Config, logger: Logger): Promise<RunningService> {
  const database = new Database({
    ...databaseOptions(config, 'millrace-api'),
    readUrl: config.DATABASE_READ_URL,
    readMaxLagMs: config.DATABASE_READ_MAX_LAG_MS,
    onReadChange: (reason) =>
      reason === null
        ? logger.info('the server of DATABASE_READ_URL is read again')
        : logger.warn({ reason }, 'the server of DATABASE_READ_URL is not read; the primary answers in its place'),
  });
  const embedding = configuredModels(config);
  await checkSetup(database.sql, ...embedding);
  const providers = await EmbeddingProviders.create(config);
  const redis = producerConnection(config.REDIS_URL, logger);
  await untilReady(redis, config.DATABASE_CONNECT_TIMEOUT_MS);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const blobs = new BlobStore(config.BLOB_DIR);
  await blobs.check();
  const unlocker = new Unlocker(config.READER_MAX_MEMORY_BYTES);
  const deliveries = new Deliveries(queues, logger);
  const { key, generated } = resolveApiKey(config);
  const registry = createRegistry('api');
  addPoolMetrics(registry, () => database.counts());
  if (config.DATABASE_READ_URL) {
    addReadMetric(registry, () => database.readsReplica());
  }

  const app = createApp({
    config,
    apiKey: key,
    database,
    queues,
    deliveries,
    blobs,
    unlocker,
    providers,
    logger,
    registry,
    checks: {
      database: () => checkSetup(database.probe, ...embedding),
      redis: () => checkRedis(redis),
      blobs: () => blobs.check(),
    },
  });
  const server = createHttpServer(app);
  await listen(server, config.API_HOST, config.API_PORT);
  const { port } = server.address() as AddressInfo;
  if (generated) {
    // Said once, to whoever started the API for the first time; not through the logger, which may be kept or shipped.
    process.stderr.write(
      `The API key is ${key} (kept in ${config.STATE_DIR}/api-key; set MILLRACE_API_KEY to choose your own)\n`,
    );
  }

  return {
    urls: { apiUrl: `http://${config.API_HOST}:${port}` },
    stop: [
      {
        name: 'finish the requests in hand',
        run: () => closeServer(server, config.SHUTDOWN_TIMEOUT_MS * 0.75),
      },
      { name: 'end the processes', run: () => unlocker.close() },
      { name: 'finish the deliveries', run: () => deliveries.finish(config.SHUTDOWN_TIMEOUT_MS * 0.15) },
      { name: 'close the queues', run: () => queues.close() },
      { name: 'close the providers', run: () => providers.close() },
      { name: 'close the connections', run: () => Promise.all([closeConnection(redis), database.close()]) },
    ],
  };
}
