import { Redis } from 'ioredis';

/** Connects once, without retries, runs `work` and disconnects. */
export async function withRedis<T>(url: string, timeoutMs: number, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let reason: Error | undefined;
  // connect() only says that the connection is closed. The event says why.
  redis.on('error', (error: Error) => {
    reason = error;
  });
  try {
    await redis.connect();
    return await work(redis);
  } catch (error) {
    throw reason ?? error;
  } finally {
    redis.disconnect();
  }
}

/** True when the server answers commands, false while it still loads its data. */
export function pingRedis(url: string, timeoutMs: number): Promise<boolean> {
  return withRedis(url, timeoutMs, async (redis) => (await redis.ping()) === 'PONG');
}

/** Returns the server's data folder, or undefined when it refuses this URL. */
export async function redisFolderOf(url: string): Promise<string | undefined> {
  try {
    return await withRedis(url, 5_000, async (redis) => {
      const answer = await redis.config('GET', 'dir');
      return Array.isArray(answer) ? String(answer[1]) : undefined;
    });
  } catch {
    // Either nothing listens there, or another server does: the password is refused.
    return undefined;
  }
}
