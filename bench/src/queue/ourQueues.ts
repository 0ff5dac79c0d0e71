import { closeConnection, createDeliveryMetrics, Queues, QueueWorker, workerConnection } from '@millrace/queues';
import { createLogger, createRegistry } from '@millrace/telemetry';
import { concurrency, type Lane } from './lane';

/** Millrace's own producer and worker. */
export function ourQueues(redisUrl: string, prefix: string): Lane {
  const logger = createLogger('bench', 'warn');
  const connection = workerConnection(redisUrl, logger);
  const queues = new Queues(connection, prefix);
  return {
    add: (chunks) => queues.deliverChunks(chunks),
    startWorker(taken) {
      const worker = new QueueWorker({
        queue: 'chunks',
        prefix,
        connection,
        handle: async () => {
          taken();
          return { outcome: 'done' };
        },
        concurrency,
        pauseQueue: async () => undefined,
        lockMs: 60_000,
        logger,
        metrics: createDeliveryMetrics(createRegistry('bench')),
      });
      worker.start();
      return () => worker.close(10_000);
    },
    async close() {
      await queues.close();
      await closeConnection(connection);
    },
  };
}
