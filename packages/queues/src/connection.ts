import { MillraceError } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import { Redis } from 'ioredis';

/** A Redis that is frozen rather than gone keeps its connections open and never answers. */
const producerTimeoutMs = 3_000;

/**
 * A connection for producers, which must not wait: with Redis away a command fails at once instead of queueing up in
 * memory, and the caller decides (the row in Postgres is the truth, so a lost delivery is made again).
 */
export function producerConnection(url: string, logger: Logger): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: producerTimeoutMs };
  return logErrors(new Redis(url, options), logger);
}

/** A connection for workers, which wait: BullMQ reconnects by itself however long Redis is away. */
export function workerConnection(url: string, logger: Logger): Redis {
  return logErrors(new Redis(url, { maxRetriesPerRequest: null }), logger);
}

/** ioredis reconnects by itself; an error nobody listens for would only clutter standard error. */
function logErrors(connection: Redis, logger: Logger): Redis {
  return connection.on('error', (error: Error) => logger.warn({ err: error }, 'the Redis connection has a fault'));
}

/** Resolves once the connection is ready. @throws MillraceError QUEUE_UNAVAILABLE after `timeoutMs`. */
export async function untilReady(connection: Redis, timeoutMs: number): Promise<void> {
  if (connection.status === 'ready') {
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const ready = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      connection.off('ready', ready);
      reject(new MillraceError('QUEUE_UNAVAILABLE', 'Redis does not answer; check REDIS_URL'));
    }, timeoutMs);
    connection.once('ready', ready);
  });
}

/** Ends the connection: politely where Redis answers, at once where it is away or goes away over it. */
export async function closeConnection(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') {
    connection.disconnect();
    return;
  }
  try {
    await connection.quit();
  } catch {
    connection.disconnect();
  }
}

/** A health check: rejects when Redis does not answer. */
export async function checkRedis(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') {
    throw new MillraceError('QUEUE_UNAVAILABLE', `Redis is not connected (${connection.status})`);
  }
  await connection.ping();
}
