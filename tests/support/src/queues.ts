import { closeConnection, producerConnection, Queues, untilReady, workerConnection } from '@millrace/queues';
import { createLogger } from '@millrace/telemetry';

export interface OpenQueues {
  queues: Queues;
  /** Closes the queues and their connection. */
  close(): Promise<void>;
}

/** Opens the queues of an environment. With `worker`, commands wait for Redis while it is away. */
export async function openQueues(
  { REDIS_URL, QUEUE_PREFIX }: { REDIS_URL: string; QUEUE_PREFIX: string },
  { worker = false } = {},
): Promise<OpenQueues> {
  const connect = worker ? workerConnection : producerConnection;
  const connection = connect(REDIS_URL, createLogger('test', 'silent'));
  await untilReady(connection, 60_000);
  const queues = new Queues(connection, QUEUE_PREFIX);
  return {
    queues,
    close: async () => {
      await queues.close();
      await closeConnection(connection);
    },
  };
}
