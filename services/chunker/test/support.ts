import { BlobStore } from '@millrace/blobs';
import { Deliveries, RunningWork } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { createTestEnvironment } from '@millrace/test-support';
import { acceptedDocument, openDatabase } from '@millrace/test-support/lifecycle';
import { openQueues } from '@millrace/test-support/queues';
import { createChunkerMetrics, IngestHandler } from '../src';
import { type PoolOptions, readerPool } from './readerPool';

const ocrOfTests = { languages: ['eng'], maxPages: 5, pageTimeoutMs: 60_000, totalMs: 600_000 };

/** Makes an ingest handler with a new database, queue and blob store. */
export async function createIngest(
  ocr = ocrOfTests,
  { statementTimeoutMs, ...limits }: PoolOptions & { statementTimeoutMs?: number } = {},
) {
  const environment = await createTestEnvironment();
  const config = environment.config();
  const logger = createLogger('test', 'silent');
  const database = openDatabase(config.DATABASE_URL, statementTimeoutMs === undefined ? {} : { statementTimeoutMs });
  const { queues, close: closeQueues } = await openQueues(config, { worker: true });
  const pool = readerPool(limits);
  const blobs = new BlobStore(config.BLOB_DIR);
  const runningWork = new RunningWork();
  const handler = new IngestHandler({
    database,
    deliveries: new Deliveries(queues, logger),
    blobs,
    pool,
    worker: 'test',
    leaseMs: 60_000,
    retryPolicy: { backoffMs: 0 },
    maxPages: 10,
    maxLostPages: 3,
    maxCharacters: 100_000_000,
    ocr,
    stopping: runningWork.signal,
    logger,
    metrics: createChunkerMetrics(createRegistry('test')),
  });

  return {
    database,
    queues,
    pool,
    blobs,
    runningWork,
    handler,
    /** Accepts a document with this original. */
    async upload(original: Buffer, chunkMaxRetries = 3) {
      const { document, job } = await acceptedDocument(database, { jobMaxRetries: 3, chunkMaxRetries });
      const staged = await blobs.stage(
        (async function* () {
          yield original;
        })(),
      );
      await staged.keep(`originals/${document.id}`);
      return {
        delivery: { version: 1 as const, jobId: job.id, documentId: document.id },
        sourcePath: `originals/${document.id}`,
      };
    },
    async dispose() {
      await pool.close();
      await closeQueues();
      await database.close();
      await environment.cleanUp();
    },
  };
}
