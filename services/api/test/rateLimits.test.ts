import { randomUUID } from 'node:crypto';
import { newId } from '@millrace/contracts';
import { firstAdminId } from '@millrace/database';
import { createLogger } from '@millrace/telemetry';
import { testServers, Wire, waitFor } from '@millrace/test-support';
import { Redis } from 'ioredis';
import type { Response } from 'supertest';
import { startApi } from '../src';
import { newApiKey, storedKey } from '../src/authorization/apiKeys';
import { type RateLimit, RateLimiter } from '../src/limits/rateLimiter';
import { TestApi } from './support';

const logger = createLogger('test', 'silent');

describe('Limits of requests', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await TestApi.start({ RATE_LIMIT_READ: '3', RATE_LIMIT_SEARCH: '1', RATE_LIMIT_ANONYMOUS: '2' });
  });
  // The tests count for one user and one address.
  beforeEach(async () => {
    const redis = new Redis(testServers().redisUrl);
    const keys = await redis.keys(`${api.environment.config().QUEUE_PREFIX}:limit:*`);
    await (keys.length > 0 && redis.del(...keys));
    redis.disconnect();
  });
  afterAll(() => api.stop());

  const read = () => api.client.get('/api/v1/documents');
  const codes = (answers: Response[]) => answers.map(({ body }) => body.code);
  const times = async (count: number, ask: () => PromiseLike<Response>) => {
    const answers: Response[] = [];
    for (let i = 0; i < count; i++) {
      answers.push(await ask());
    }
    return answers;
  };

  test('When a user asks more often than its class allows, then TOO_MANY_REQUESTS says when to come again', async () => {
    const answers = await times(4, read);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers['ratelimit-policy'])).toEqual(Array(4).fill('"read";q=3;w=60'));
    expect(answers.map(({ headers }) => headers.ratelimit?.split(';t=')[0])).toEqual([
      '"read";r=2',
      '"read";r=1',
      '"read";r=0',
      '"read";r=0',
    ]);
    const last = answers[3];
    expect(last?.body).toMatchObject({ code: 'TOO_MANY_REQUESTS', retryable: true });
    const seconds = Number(last?.headers['retry-after']);
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
    expect((await api.client.get('/metrics')).text).toMatch(
      /millrace_http_requests_refused_total\{code="TOO_MANY_REQUESTS",service="api"\} [1-9]/,
    );
  });

  test('When one class is used up, then the others are not', async () => {
    const search = () => api.client.post('/api/v1/search').send({ query: 'x' });
    expect(codes(await times(2, search))).toEqual([undefined, 'TOO_MANY_REQUESTS']);
    expect((await read()).status).toBe(200);
  });

  test('When a user has several keys, then they share its limit', async () => {
    const key = newApiKey();
    await api.database.sql.none(
      `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes)
       VALUES ($1, $2, 'another', $3, $4, '{read}')`,
      [newId(), firstAdminId, storedKey(key).prefix, storedKey(key).keyHash],
    );
    const withOther = () => api.anonymous.get('/api/v1/documents').set('X-API-Key', key);
    expect(codes([...(await times(2, read)), ...(await times(2, withOther))])).toEqual([
      undefined,
      undefined,
      undefined,
      'TOO_MANY_REQUESTS',
    ]);
  });

  test('When requests have no valid key, then their address is limited, whatever it says of itself, and keys still work', async () => {
    const guess = () =>
      api.anonymous.get('/nowhere').set('X-API-Key', randomUUID()).set('X-Forwarded-For', `192.0.2.${Math.random()}`);
    expect(codes(await times(3, guess))).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED', 'TOO_MANY_REQUESTS']);
    expect((await read()).status).toBe(200);
  });

  test('When health and metrics are asked often, then they answer', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      const answers = await times(8, () => api.client.get(path));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
      expect(answers[0]?.headers).not.toHaveProperty('ratelimit');
    }
  });

  test('When two APIs serve one installation, then they count together', async () => {
    const other = await startApi(api.environment.config(), logger);
    try {
      await times(2, read);
      const key = api.environment.variables.MILLRACE_API_KEY ?? '';
      const ask = () => fetch(`${other.urls.apiUrl}/api/v1/documents`, { headers: { 'x-api-key': key } });
      expect([(await ask()).status, (await ask()).status]).toEqual([200, 429]);
    } finally {
      for (const phase of other.stop) {
        await phase.run();
      }
    }
  });
});

describe('When a proxy is trusted', () => {
  test('then requests count for the address that it has seen, of IPv6 for the network', async () => {
    const api = await TestApi.start({ RATE_LIMIT_ANONYMOUS: '1', TRUST_PROXY: 'loopback' });
    try {
      const from = async (address: string) =>
        (await api.anonymous.get('/nowhere').set('X-Forwarded-For', `203.0.113.99, ${address}`)).status;
      expect([await from('203.0.113.1'), await from('203.0.113.1'), await from('203.0.113.2')]).toEqual([
        401, 429, 401,
      ]);
      expect([await from('2001:db8::1'), await from('2001:db8::ffff:1'), await from('2001:db8:0:1::1')]).toEqual([
        401, 429, 401,
      ]);
      expect(await from('nonsense\tmore')).toBe(401);
    } finally {
      await api.stop();
    }
  });
});

describe('When Redis', () => {
  const limit: RateLimit = { name: 'test', most: 2, seconds: 60 };

  async function withLimiter(run: (limiter: RateLimiter, wire: Wire) => Promise<void>): Promise<void> {
    const { wire, url } = await Wire.to(testServers().redisUrl);
    const redis = new Redis(url, { enableOfflineQueue: false, maxRetriesPerRequest: 1 });
    redis.on('error', () => undefined);
    try {
      await waitFor('Redis', async () => redis.status === 'ready');
      await run(new RateLimiter(redis, `{test-${randomUUID()}}`, logger), wire);
    } finally {
      wire.mend();
      redis.disconnect();
      await wire.close();
    }
  }

  test('is unreachable, then the process counts alone', () =>
    withLimiter(async (limiter, wire) => {
      wire.cut();
      const states = [];
      for (let i = 0; i < 3; i++) {
        states.push((await limiter.count(limit, 'a')).isExceeded);
      }
      expect(states).toEqual([false, false, true]);
      await expect(limiter.require(limit, 'a')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    }));

  test('hangs, then no request waits long, and only the first waits at all', () =>
    withLimiter(async (limiter, wire) => {
      wire.freeze();
      expect(await limiter.count(limit, 'a')).toMatchObject({ remaining: 1 });
      const began = performance.now();
      for (let i = 0; i < 100; i++) {
        await limiter.count(limit, String(i));
      }
      // Each would wait for half a second.
      expect(performance.now() - began).toBeLessThan(25_000);
      wire.mend();
    }));

  test('answers, then a count can be read and forgotten', () =>
    withLimiter(async (limiter) => {
      expect(await limiter.peek(limit, 'a')).toEqual({ isExceeded: false, remaining: 2, resetMs: 60_000 });
      await limiter.count(limit, 'a');
      await limiter.count(limit, 'a');
      await limiter.count(limit, 'a');
      expect(await limiter.peek(limit, 'a')).toMatchObject({ isExceeded: true, remaining: 0 });
      await limiter.reset(limit, 'a');
      expect(await limiter.count(limit, 'a')).toMatchObject({ isExceeded: false, remaining: 1 });
    }));
});
