import { closeConnection, producerConnection, Queues, untilReady } from '@millrace/queues';
import { createLogger } from '@millrace/telemetry';

type Redis = ReturnType<typeof producerConnection>;

/** Removes all keys of the queues under the prefix. */
export function removeQueueKeys(redisUrl: string, prefix: string): Promise<void> {
  return withRedis(redisUrl, (redis) => removeKeys(redis, prefix));
}

/** Runs `work` with the queues under the prefix. `forget` removes their keys, like a Redis that has lost its data. */
export function withQueues<T>(
  redisUrl: string,
  prefix: string,
  work: (queues: Queues, forget: () => Promise<void>) => Promise<T>,
): Promise<T> {
  return withRedis(redisUrl, async (redis) => {
    const queues = new Queues(redis, prefix);
    try {
      return await work(queues, () => removeKeys(redis, prefix));
    } finally {
      await queues.close();
    }
  });
}

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = producerConnection(url, createLogger('bench', 'warn'));
  try {
    await untilReady(redis, 10_000);
    return await work(redis);
  } finally {
    await closeConnection(redis);
  }
}

async function removeKeys(redis: Redis, prefix: string): Promise<void> {
  for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 10_000 })) {
    if (keys.length > 0) {
      await redis.unlink(...keys);
    }
  }
}
