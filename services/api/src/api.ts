import type { AddressInfo } from 'node:net';
import { BlobStore } from '@millrace/blobs';
import { type Config, resolveApiKey } from '@millrace/config';
import { Workload } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import { type RunningService, startService } from '@millrace/runtime';
import { addReadMetric, type Logger, listen } from '@millrace/telemetry';
import { createApp } from './app';
import { configureKey, preparePassword } from './authorization/firstAdmin';
import { configuredSigningKeys } from './authorization/signingIn';
import { closeServer, createHttpServer } from './http/server';
import { RateLimiter } from './limits/rateLimiter';
import { addStateMetrics } from './metrics/stateMetrics';
import { Unlocker } from './uploads/unlocker';

/** Starts the API server. */
export function startApi(config: Config, logger: Logger): Promise<RunningService> {
  const options = { name: 'api', config, logger, redis: 'producer', database: readOptions(config, logger) } as const;
  return startService(options, async ({ database, redis, queues, deliveries, registry, checks }) => {
    const providers = await EmbeddingProviders.create(config);
    const blobs = new BlobStore(config.BLOB_DIR);
    await blobs.check();
    const unlocker = new Unlocker(config.READER_MAX_MEMORY_BYTES);
    const { key, generated } = resolveApiKey(config);
    await configureKey(database, key);
    const madePassword = await preparePassword(database, config);
    const signingKeys = configuredSigningKeys(database, config);
    // The first start makes the first key.
    await signingKeys.current();
    if (config.DATABASE_READ_URL) {
      addReadMetric(registry, () => database.readsReplica());
    }
    // The probe does not wait for an unreachable database: the scrape would.
    const workload = new Workload(database.probe);
    addStateMetrics(registry, { countWork: () => workload.count(), measureQueues: () => queues.measure(), logger });
    const app = createApp({
      config,
      database,
      queues,
      deliveries,
      blobs,
      unlocker,
      providers,
      logger,
      registry,
      signingKeys,
      rateLimiter: new RateLimiter(redis, config.QUEUE_PREFIX, logger),
      checks: { ...checks, blobs: () => blobs.check().then(() => []) },
    });
    const server = createHttpServer(app, { maxConnections: config.API_MAX_CONNECTIONS });
    await listen(server, config.API_HOST, config.API_PORT);
    const { port } = server.address() as AddressInfo;
    if (madePassword !== null) {
      const { email, password } = madePassword;
      process.stderr.write(
        `The first admin is ${email} with the password ${password} (shown only now; "millrace users reset-password ${email}" makes another)\n`,
      );
    }
    if (generated) {
      // Printed only when the key is new, and not through the logger, whose output may be kept or shipped.
      process.stderr.write(
        `The API key is ${key} (kept in ${config.STATE_DIR}/api-key; set MILLRACE_API_KEY to choose your own)\n`,
      );
    }
    return {
      urls: { apiUrl: `http://${config.API_HOST}:${port}` },
      stop: [
        { name: 'finish the requests in hand', run: () => closeServer(server, config.SHUTDOWN_TIMEOUT_MS * 0.75) },
        { name: 'end the processes', run: () => unlocker.close() },
        { name: 'close the providers', run: () => providers.close() },
      ],
    };
  });
}

/** The replica that searches may read, where one is configured. */
function readOptions(config: Config, logger: Logger) {
  return {
    readUrl: config.DATABASE_READ_URL,
    readMaxLagMs: config.DATABASE_READ_MAX_LAG_MS,
    onReadChange: (reason: string | null) =>
      reason === null
        ? logger.info('the server of DATABASE_READ_URL is read again')
        : logger.warn({ reason }, 'the server of DATABASE_READ_URL is not read; the primary answers in its place'),
  };
}
