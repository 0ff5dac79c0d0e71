import type { Config } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import type { Request, Response } from 'express';
import type { Authenticate } from '../authorization/authentication';
import type { Principal } from '../authorization/principal';
import type { RateClass } from '../http/endpoint';
import { addressOf, networkOf } from './addresses';
import { type RateLimit, type RateLimiter, tooManyRequests } from './rateLimiter';

const windowSeconds = 60;

type LimitName = Exclude<RateClass, 'unlimited'> | 'anonymous';

/**
 * The limits of requests. A request of a principal counts for its user, so that further keys of the user give no further
 * requests. A request of nobody, or with a wrong key, counts for its address.
 */
export class RequestLimits {
  private readonly limits: ReadonlyMap<LimitName, RateLimit>;

  constructor(
    config: Config,
    private readonly limiter: RateLimiter,
  ) {
    const perMinute: Record<LimitName, number> = {
      read: config.RATE_LIMIT_READ,
      write: config.RATE_LIMIT_WRITE,
      upload: config.RATE_LIMIT_UPLOAD,
      search: config.RATE_LIMIT_SEARCH,
      admin: config.RATE_LIMIT_ADMIN,
      anonymous: config.RATE_LIMIT_ANONYMOUS,
    };
    this.limits = new Map(
      (Object.entries(perMinute) as [LimitName, number][]).map(([name, most]) => [
        name,
        { name, most, seconds: windowSeconds },
      ]),
    );
  }

  /** Counts a request of the principal. @throws MillraceError TOO_MANY_REQUESTS */
  async countPrincipal({ userId }: Principal, rateClass: RateClass, response: Response | undefined): Promise<void> {
    if (rateClass !== 'unlimited') {
      await this.count(rateClass, userId, response);
    }
  }

  /** Counts a request without a principal. @throws MillraceError TOO_MANY_REQUESTS */
  async countAnonymous(request: Request): Promise<void> {
    await this.count('anonymous', networkOf(addressOf(request)), request.res);
  }

  private async count(name: LimitName, key: string, response: Response | undefined): Promise<void> {
    const limit = this.limits.get(name);
    // 0 turns a limit off.
    if (limit === undefined || limit.most === 0) {
      return;
    }
    const state = await this.limiter.count(limit, key);
    // The fields of draft-ietf-httpapi-ratelimit-headers.
    response?.setHeader('RateLimit-Policy', `"${name}";q=${limit.most};w=${limit.seconds}`);
    response?.setHeader('RateLimit', `"${name}";r=${state.remaining};t=${Math.ceil(state.resetMs / 1000)}`);
    if (state.isExceeded) {
      throw tooManyRequests(limit, state);
    }
  }
}

/**
 * Adds the limits of requests to an authentication. One that fails counts for the address that it came from, whatever the reason:
 * an expired token takes as much work as a forged one. While the database is away, it is not the client that fails.
 */
export function withLimits(authenticate: Authenticate, limits: RequestLimits): Authenticate {
  return async (request, rateClass) => {
    const principal = await authenticate(request, rateClass).catch(async (error: unknown) => {
      if (error instanceof MillraceError && error.code !== 'DATABASE_UNAVAILABLE') {
        await limits.countAnonymous(request);
      }
      throw error;
    });
    await limits.countPrincipal(principal, rateClass, request.res);
    return principal;
  };
}
