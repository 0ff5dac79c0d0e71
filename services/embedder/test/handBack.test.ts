import { defaultCollectionId } from '@millrace/database';
import { EmbeddingProviders } from '@millrace/embeddings';
import { closeConnection, Queues, untilReady, workerConnection } from '@millrace/queues';
import { Deliveries, WorkInHand } from '@millrace/runtime';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { createTestEnvironment, startOpenAiServer } from '@millrace/test-support';
import { chunkedDocument, openDatabase } from '../../../packages/lifecycle/test/support';
import { BatchProcessor, createEmbedderMetrics } from '../src';

test('When the stop comes while a batch is just being claimed, then its chunks are handed back all the same', async () => {
  const provider = await startOpenAiServer();
  provider.respondWith(() => ({ hang: true }));
  const environment = await createTestEnvironment({ EMBEDDING_PROVIDER: 'openai', OPENAI_BASE_URL: provider.baseUrl });
  const config = environment.config();
  const logger = createLogger('test', 'silent');
  const database = openDatabase(config.DATABASE_URL);
  const connection = workerConnection(config.REDIS_URL, logger);
  await untilReady(connection, 5_000);
  const queues = new Queues(connection, config.QUEUE_PREFIX);
  try {
    const { jobId, documentId, chunkIds } = await chunkedDocument(database, 3);
    const collectionId = defaultCollectionId;
    const inHand = new WorkInHand();
    const processor = new BatchProcessor({
      database,
      deliveries: new Deliveries(queues, logger),
      inHand,
      providers: await EmbeddingProviders.create(config),
      worker: 'test',
      leaseMs: 60_000,
      maxOutageMs: 60_000,
      retryPolicy: { backoffMs: 0 },
      logger,
      metrics: createEmbedderMetrics(createRegistry('test')),
    });
    const deliveries = chunkIds.map((chunkId) => ({
      version: 1 as const,
      chunkId,
      jobId,
      documentId,
      collectionId,
      queueJobId: `${chunkId}.1`,
    }));
    const work = inHand.run(() => processor.process(deliveries));
    await inHand.release();
    expect(await work).toEqual(deliveries.map(() => ({ outcome: 'done' })));

    const rows = await database.jobChunks.findAll(chunkIds);
    expect(rows.map((row) => [row.status, row.attempts])).toEqual(chunkIds.map(() => ['pending', 0]));
    for (const row of rows) {
      expect(await queues.chunks.getJobState(row.queueJobId)).toBe('prioritized');
    }
    const later = await processor.process(deliveries);
    expect(later.map((result) => result.outcome)).toEqual(['later', 'later', 'later']);
    expect(provider.requests).toEqual([]);
  } finally {
    await queues.close();
    await closeConnection(connection);
    await database.close();
    await environment.cleanUp();
    await provider.close();
  }
});
