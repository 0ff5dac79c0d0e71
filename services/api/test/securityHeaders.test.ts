import { TestApi } from './support';

const page = 'https://app.example.com';

/** What a browser may keep, as long as it asks whether it has changed. */
const kept = new Set(['/docs/', '/admin/queues', '/admin/queues/api/queues']);

describe('The headers of answers', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await TestApi.start();
  });
  afterAll(() => api.stop());

  test.each([
    '/healthz',
    '/metrics',
    '/nowhere',
    '/api/v1/documents',
    '/api/v1/jobs/%zz',
    '/openapi.json',
    '/docs/',
    '/admin/queues',
    '/admin/sign-in',
    '/admin/queues/api/queues',
  ])('%s may not be framed, guessed at or sent on as a referrer, and does not name its software', async (path) => {
    for (const client of [api.client, api.anonymous]) {
      const { headers } = await client
        .get(path)
        .redirects(0)
        .ok(() => true);
      expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'x-frame-options': 'DENY',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['cache-control']).toBe(kept.has(path) ? 'private, no-cache' : 'no-store');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });

  test.each(['/docs/', '/admin/queues', '/admin/sign-in'])(
    '%s runs no inline script and loads nothing from elsewhere',
    async (path) => {
      const policy = (await api.client.get(path)).headers['content-security-policy'] ?? '';
      const directives = new Map(policy.split(';').map((part) => [part.trim().split(' ')[0], part]));
      const scripts = directives.get('script-src') ?? directives.get('default-src') ?? '';
      expect(scripts).not.toContain('unsafe');
      expect(policy).not.toMatch(/https?:/);
    },
  );

  test('When no origins are configured, then a page of another host may not ask', async () => {
    const preflight = await api.anonymous
      .options('/api/v1/documents')
      .set({ origin: page, 'access-control-request-method': 'GET' });
    expect(preflight.status).toBe(401);
    const { headers } = await api.client.get('/api/v1/documents').set('origin', page);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

describe('When CORS_ORIGINS names a page', () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await TestApi.start({ CORS_ORIGINS: `${page},http://localhost:5173` });
  });
  afterAll(() => api.stop());

  const preflight = (origin: string, path = '/api/v1/documents') =>
    api.anonymous.options(path).set({
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    });

  test('then it may call the API with a key, and without cookies', async () => {
    const { status, headers } = await preflight(page);
    expect([status, headers['access-control-allow-origin'], headers['access-control-allow-headers']]).toEqual([
      204,
      page,
      'authorization,content-type',
    ]);
    expect(headers['access-control-allow-methods']).toContain('PATCH');
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(headers.vary).toContain('Origin');
    const answer = await api.client.get('/api/v1/documents').set('origin', page);
    expect(answer.headers['access-control-allow-origin']).toBe(page);
    expect(answer.headers['access-control-expose-headers']).toContain('Retry-After');
    const refused = await api.anonymous.get('/api/v1/documents').set('origin', page);
    expect([refused.status, refused.headers['access-control-allow-origin']]).toEqual([401, page]);
  });

  test.each(['https://evil.example', `${page}.evil.example`, 'http://app.example.com', `${page}:8443`, 'null'])(
    'then the page %s may not',
    async (origin) => {
      expect((await preflight(origin)).headers).not.toHaveProperty('access-control-allow-origin');
      const answer = await api.client.get('/api/v1/documents').set('origin', origin);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
    },
  );

  test('then it may not open the pages for people', async () => {
    expect((await preflight(page, '/admin/queues')).headers).not.toHaveProperty('access-control-allow-origin');
    expect((await preflight(page, '/admin/sign-in')).headers).not.toHaveProperty('access-control-allow-origin');
  });
});
