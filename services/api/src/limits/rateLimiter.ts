import { MillraceError } from '@millrace/contracts';
import type { Logger } from '@millrace/telemetry';
import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

/** How often something may happen in a window of time. Limits with the same name share their counts. */
export interface RateLimit {
  name: string;
  /** The most in one window. */
  most: number;
  /** The length of the window. It begins with the first count. */
  seconds: number;
}

/** The count of one key against one limit. */
export interface RateState {
  isExceeded: boolean;
  /** How many are left in this window. */
  remaining: number;
  /** The time until the window ends, in milliseconds. */
  resetMs: number;
}

/** The longest wait for Redis, which may hang. */
const waitMs = 500;
/** How long the process counts alone after Redis has failed, before one request asks Redis again. */
const awayMs = 5_000;

/**
 * Counts requests, sign-ins and the like against limits. The counts are in Redis, so all API processes share them. While Redis
 * is away, each process counts for itself, and nothing waits or fails for it.
 */
export class RateLimiter {
  private readonly counters = new Map<string, { shared: RateLimiterRedis; own: RateLimiterMemory }>();
  private awayUntil = 0;

  constructor(
    private readonly redis: Redis,
    private readonly prefix: string,
    private readonly logger: Logger,
  ) {}

  /** Counts one for the key. */
  count(limit: RateLimit, key: string): Promise<RateState> {
    return this.ask(limit, async (counter) => {
      try {
        return await counter.consume(key);
      } catch (error) {
        // The library throws the state when the limit is exceeded.
        if (error instanceof RateLimiterRes) {
          return error;
        }
        throw error;
      }
    });
  }

  /** Returns the state of the key, and counts nothing. */
  peek(limit: RateLimit, key: string): Promise<RateState> {
    return this.ask(limit, (counter) => counter.get(key));
  }

  /** Forgets the count of the key. */
  async reset(limit: RateLimit, key: string): Promise<void> {
    await this.ask(limit, async (counter) => {
      await counter.delete(key);
      return null;
    });
  }

  /** Counts one for the key. @throws MillraceError TOO_MANY_REQUESTS when there were more than the limit allows */
  async require(limit: RateLimit, key: string): Promise<RateState> {
    const state = await this.count(limit, key);
    if (state.isExceeded) {
      throw tooManyRequests(limit, state);
    }
    return state;
  }

  private async ask(
    limit: RateLimit,
    action: (counter: RateLimiterRedis | RateLimiterMemory) => Promise<RateLimiterRes | null>,
  ): Promise<RateState> {
    const { shared, own } = this.counterOf(limit);
    const now = Date.now();
    if (now >= this.awayUntil) {
      if (this.awayUntil > 0) {
        // This request finds out whether Redis is back. The others need not wait for it.
        this.awayUntil = now + awayMs;
      }
      try {
        const state = stateOf(limit, await inTime(action(shared)));
        this.awayUntil = 0;
        return state;
      } catch (error) {
        this.awayUntil = Date.now() + awayMs;
        this.logger.warn({ err: error }, 'Redis does not count requests; this process counts alone');
      }
    }
    return stateOf(limit, await action(own));
  }

  private counterOf({ name, most, seconds }: RateLimit) {
    const known = this.counters.get(name);
    if (known) {
      return known;
    }
    const options = { points: most, duration: seconds, keyPrefix: `${this.prefix}:limit:${name}` };
    const counter = {
      shared: new RateLimiterRedis({ ...options, storeClient: this.redis, rejectIfRedisNotReady: true }),
      own: new RateLimiterMemory(options),
    };
    this.counters.set(name, counter);
    return counter;
  }
}

/** The error for a limit that is exceeded. It says when to try again. */
export function tooManyRequests(limit: RateLimit, { resetMs }: RateState): MillraceError {
  const message = `At most ${limit.most} are allowed in ${limit.seconds} seconds (${limit.name}).`;
  return new MillraceError('TOO_MANY_REQUESTS', message, { retryAfterMs: Math.max(resetMs, 1) });
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${waitMs} ms.`)), waitMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function stateOf({ most, seconds }: RateLimit, result: RateLimiterRes | null): RateState {
  if (result === null) {
    return { isExceeded: false, remaining: most, resetMs: seconds * 1000 };
  }
  const { consumedPoints, remainingPoints, msBeforeNext } = result;
  return { isExceeded: consumedPoints > most, remaining: remainingPoints, resetMs: msBeforeNext };
}
