import { MillraceError } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import { Redis } from 'ioredis';

/** A frozen Redis keeps its connections open and never answers. */
const producerTimeoutMs = 3_000;

/**
 * Opens a connection for producers, which must not wait. While Redis is unreachable, a command fails at once, so that
 * commands do not pile up in memory. The caller decides what to do. A lost delivery is made again from its row.
 */
export function producerConnection(url: string, logger: Logger): Redis {
  const options = { enableOfflineQueue: false, maxRetriesPerRequest: 1, commandTimeout: producerTimeoutMs };
  return logErrors(new Redis(url, options), logger);
}

/** Opens a connection for workers, which wait. BullMQ reconnects, however long Redis is unreachable. */
export function workerConnection(url: string, logger: Logger): Redis {
  return logErrors(new Redis(url, { maxRetriesPerRequest: null }), logger);
}

/** ioredis reconnects. It prints an error on standard error when no listener takes it. */
function logErrors(connection: Redis, logger: Logger): Redis {
  return connection.on('error', (error: Error) => logger.warn({ err: error }, 'the Redis connection failed'));
}

/** Waits until the connection is ready. @throws MillraceError QUEUE_UNAVAILABLE after `timeoutMs`. */
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
      reject(new MillraceError('QUEUE_UNAVAILABLE', 'Redis does not answer. Check REDIS_URL.'));
    }, timeoutMs);
    connection.once('ready', ready);
  });
}

/** Closes the connection. When Redis is unreachable or fails during the close, the connection is cut at once. */
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

/** Checks that Redis answers. @throws MillraceError QUEUE_UNAVAILABLE when it is not connected */
export async function checkRedis(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') {
    throw new MillraceError('QUEUE_UNAVAILABLE', `Redis is not connected (${connection.status}).`);
  }
  await connection.ping();
}
