import { createHash } from 'node:crypto';
import { networkOf } from '../limits/addresses';
import { type RateLimit, type RateLimiter, tooManyRequests } from '../limits/rateLimiter';

const quarterOfAnHour = 900;
/** Wrong passwords for one e-mail address. Each attempt counts before it is checked, so that many at once do not get through. */
const perEmail: RateLimit = { name: 'sign-in-email', most: 10, seconds: quarterOfAnHour };
/** Wrong passwords from one network, for whatever e-mail addresses. */
const perAddress: RateLimit = { name: 'sign-in-address', most: 100, seconds: quarterOfAnHour };
/** Failures that are recorded. An attack from many addresses must not fill the table. */
const records: RateLimit = { name: 'sign-in-records', most: 1_000, seconds: 3_600 };

/**
 * Limits how many passwords can be tried. The counts are in Redis; without it each process counts alone, so that neither everybody is
 * locked out nor everything may be tried.
 */
export class PasswordGuard {
  constructor(private readonly limiter: RateLimiter) {}

  /** Counts an attempt. @throws MillraceError TOO_MANY_REQUESTS */
  async admit(email: string, address: string): Promise<void> {
    const state = await this.limiter.peek(perAddress, networkOf(address));
    if (state.remaining <= 0) {
      throw tooManyRequests(perAddress, state);
    }
    await this.limiter.require(perEmail, keyOf(email));
  }

  /** The password was right: what was tried for this e-mail address is forgotten. */
  async succeeded(email: string): Promise<void> {
    await this.limiter.reset(perEmail, keyOf(email));
  }

  /** The password was wrong. @returns whether this is to be recorded. */
  async failed(address: string): Promise<boolean> {
    await this.limiter.count(perAddress, networkOf(address));
    return !(await this.limiter.count(records, 'all')).isExceeded;
  }
}

/** E-mail addresses are not kept in Redis in the clear. */
function keyOf(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}
