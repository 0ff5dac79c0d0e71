import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BlobStore } from '@millrace/blobs';
import type { Config } from '@millrace/config';
import { documentDelivery, queueNames } from '@millrace/contracts';
import { checkSetup, Database } from '@millrace/database';
import { ParserPool } from '@millrace/pdf';
import { checkRedis, Queues, QueueWorker, untilReady, workerConnection } from '@millrace/queues';
import { createRegistry, type Logger, type RunningService, startHealthServer } from '@millrace/telemetry';
import { IngestHandler } from './ingest';
import { createChunkerMetrics } from './metrics';

/** Starts a chunker: document deliveries become pages, job chunks and chunk deliveries. */
export async function startChunker(config: Config, logger: Logger): Promise<RunningService> {
  const database = new Database({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL_MAX,
    connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
    applicationName: 'millrace-chunker',
  });
  const embedding = { model: config.EMBEDDING_MODEL, dimensions: config.EMBEDDING_DIMENSIONS };
  await checkSetup(database.sql, embedding);
  const redis = workerConnection(config.REDIS_URL, logger);
  await untilReady(redis, config.DATABASE_CONNECT_TIMEOUT_MS);
  const queues = new Queues(redis, config.QUEUE_PREFIX);
  const registry = createRegistry('chunker');
  const pool = new ParserPool({
    entry: join(__dirname, 'parseProcess.js'),
    processes: config.PDF_PROCESSES,
    timeoutMs: config.PDF_TIMEOUT_MS,
  });

  const handler = new IngestHandler({
    database,
    queues,
    blobs: new BlobStore(config.BLOB_DIR),
    pool,
    worker: `${hostname()}:${process.pid}`,
    leaseMs: config.LEASE_MS,
    limits: {
      maxPages: config.PDF_MAX_PAGES,
      maxTokens: config.CHUNK_MAX_TOKENS,
      overlapTokens: config.CHUNK_OVERLAP_TOKENS,
    },
    logger,
    metrics: createChunkerMetrics(registry),
  });
  const worker = new QueueWorker({
    queueName: queueNames.documents,
    prefix: config.QUEUE_PREFIX,
    connection: redis,
    schema: documentDelivery,
    handle: (delivery) => handler.handle(delivery),
    concurrency: config.PDF_PROCESSES,
    lockMs: config.LEASE_MS,
    logger,
    registry,
  });
  const health = await startHealthServer({
    host: config.HEALTH_HOST,
    port: config.HEALTH_PORT,
    registry,
    checks: { database: () => checkSetup(database.sql, embedding), redis: () => checkRedis(redis) },
  });
  pool.warmUp();
  worker.start();

  // What is not finished in this time is handed back, which needs some of the time as well.
  const graceMs = config.SHUTDOWN_TIMEOUT_MS * 0.6;
  return {
    urls: { healthUrl: health.url },
    stop: [
      { name: 'take no more deliveries', run: () => worker.pause() },
      {
        name: 'finish the documents in hand',
        run: () => Promise.race([handler.idle(), setTimeout(graceMs, undefined, { ref: false })]),
      },
      { name: 'hand back what is unfinished', run: () => handler.handBack() },
      { name: 'close the queues', run: () => worker.close(graceMs / 4).then(() => queues.close()) },
      { name: 'end the parsing processes', run: () => pool.close() },
      { name: 'close the health server', run: () => health.close() },
      { name: 'close the connections', run: () => Promise.all([redis.quit(), database.close()]) },
    ],
  };
}
