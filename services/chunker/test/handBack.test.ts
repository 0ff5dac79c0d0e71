import { join } from 'node:path';
import { BlobStore } from '@millrace/blobs';
import { ParserPool } from '@millrace/pdf';
import { closeConnection, Queues, untilReady, workerConnection } from '@millrace/queues';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { createTestEnvironment } from '@millrace/test-support';
import { accept, openDatabase } from '../../../packages/lifecycle/test/support';
import { createChunkerMetrics, IngestHandler } from '../src';

test('When the stop comes while a job is just being claimed, then it is queued again and nothing has failed', async () => {
  const environment = await createTestEnvironment();
  const config = environment.config();
  const logger = createLogger('test', 'silent');
  const database = openDatabase(config.DATABASE_URL);
  const connection = workerConnection(config.REDIS_URL, logger);
  await untilReady(connection, 5_000);
  const queues = new Queues(connection, config.QUEUE_PREFIX);
  const pool = new ParserPool({
    entry: join(__dirname, '..', 'dist', 'parseProcess.js'),
    processes: 1,
    timeoutMs: 10_000,
  });
  const blobs = new BlobStore(config.BLOB_DIR);
  try {
    const { document, job } = await accept(database);
    const staged = await blobs.stage(
      (async function* () {
        yield Buffer.from('%PDF-1.4');
      })(),
    );
    await staged.keep(`originals/${document.id}`);
    const handler = new IngestHandler({
      database,
      queues,
      blobs,
      pool,
      worker: 'test',
      leaseMs: 60_000,
      limits: { maxPages: 10, maxTokens: 400, overlapTokens: 50 },
      logger,
      metrics: createChunkerMetrics(createRegistry('test')),
    });
    const delivery = { version: 1 as const, jobId: job.id, documentId: document.id };
    const work = handler.handle(delivery);
    await handler.handBack();
    expect(await work).toEqual({ outcome: 'done' });

    const row = await database.jobs.find(job.id);
    expect(row).toMatchObject({ status: 'queued', attempts: 0, error_code: null });
    expect(await queues.documents.getJobState(row?.queue_job_id ?? '')).toBe('waiting');
    expect(await blobs.localPath(`originals/${document.id}`)).toContain(document.id);
    expect(await handler.handle(delivery)).toMatchObject({ outcome: 'later' });
  } finally {
    await pool.close();
    await queues.close();
    await closeConnection(connection);
    await database.close();
    await environment.cleanUp();
  }
});
