import { createHash } from 'node:crypto';
import { newId } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import { setCookies, TestBrowser } from './browser';
import { newKey, newUser } from './principals';
import { TestApi } from './support';

let api: TestApi;
let browser: TestBrowser;
beforeAll(async () => {
  api = await TestApi.start({ TRUST_PROXY: 'loopback' });
});
beforeEach(() => {
  browser = new TestBrowser(api);
});
afterAll(() => api.stop());

const pause = () => api.anonymous.put('/admin/queues/api/queues/chunks/pause');
const actionsOf = async (kind: string) => (await api.client.get(`/api/v1/actions?kind=${kind}`)).body.actions;

describe('Signing in with a browser', () => {
  test.each(['/docs/', '/admin/queues'])(
    'When nobody has signed in, then %s leads to the form, and back',
    async (page) => {
      const sent = await browser.open(page);
      expect([sent.status, sent.headers.location]).toEqual([303, `/admin/sign-in?next=${encodeURIComponent(page)}`]);
      const form = await browser.open(sent.headers.location ?? '');
      expect(form.status).toBe(200);
      expect(form.text).toContain(`name="next" value="${page}"`);
      const signedIn = await browser.signIn(testApiKey, page);
      expect([signedIn.status, signedIn.headers.location]).toEqual([303, page]);
      expect((await browser.open(page)).status).toBe(200);
    },
  );

  test('When the key is wrong, then the form says so, and there is no session', async () => {
    const answer = await browser.signIn('wrong-key-0123456789');
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('The key is not in force.');
    expect(answer.text).not.toContain('wrong-key');
    expect(browser.cookies.size).toBe(0);
  });

  test('When a person signs in, then the cookie is for this host alone, no script reads it, and the database has only its hash', async () => {
    const answer = await browser.signIn();
    const [session, proof] = setCookies(answer);
    expect(session).toMatch(
      /^millrace_session=[\w-]{43}; Max-Age=28800; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Strict$/,
    );
    expect(proof).toMatch(/^XSRF-TOKEN=[\w-]{43}; Max-Age=28800; Path=\/; Expires=[^;]+; SameSite=Strict$/);
    const token = browser.cookies.get('millrace_session') ?? '';
    const rows = await api.database.sql.many<{ row: string }>('SELECT sessions::text AS row FROM sessions');
    expect(rows.some(({ row }) => row.includes(createHash('sha256').update(token).digest('hex')))).toBe(true);
    expect(rows.some(({ row }) => row.includes(token))).toBe(false);
    expect(await actionsOf('sign_in')).toContainEqual(
      expect.objectContaining({
        requested_by: expect.stringMatching(/^api-key:/),
        address: '127.0.0.1',
        request_id: answer.headers['x-request-id'],
      }),
    );
  });

  test('When the request came over https to a trusted proxy, then the cookies are Secure', async () => {
    const answer = await api.anonymous
      .post('/admin/sign-in')
      .redirects(0)
      .ok(() => true)
      .type('form')
      .set({ 'sec-fetch-site': 'same-origin', 'x-forwarded-proto': 'https' })
      .send({ key: testApiKey });
    expect(setCookies(answer)).toEqual([expect.stringContaining('; Secure'), expect.stringContaining('; Secure')]);
  });

  test.each([
    'https://evil.example/',
    '//evil.example/docs',
    '/docs//evil.example',
    '/docs/../..//evil.example',
    '/docs\\evil.example',
    '/admin/queues?key=secret',
    'javascript:alert(1)',
    '"><script>alert(1)</script>',
  ])('When the form is to lead to %j, then it leads to the documentation', async (next) => {
    expect((await browser.open(`/admin/sign-in?next=${encodeURIComponent(next)}`)).text).toContain('value="/docs/"');
    expect((await browser.signIn(testApiKey, next)).headers.location).toBe('/docs/');
  });

  test('When another site sends the form, then it is refused', async () => {
    expect(await browser.submit('/admin/sign-in', { key: testApiKey }, 'cross-site')).toMatchObject({
      status: 403,
      body: { code: 'CROSS_SITE' },
    });
  });

  test('When the form is large or has many fields, then it is refused', async () => {
    expect((await browser.submit('/admin/sign-in', { key: 'x'.repeat(5_000) })).status).toBe(413);
    const fields = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`f${i}`, 'x']));
    expect((await browser.submit('/admin/sign-in', fields)).status).toBe(400);
  });
});

describe('Who may open which page', () => {
  test('When a member signs in, then it reads the documentation and does not see the queues', async () => {
    await browser.signIn(await newKey(api.database, await newUser(api.database)));
    expect((await browser.open('/docs/')).status).toBe(200);
    expect(await browser.open('/admin/queues')).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  });

  test('When a program asks, then it needs a key in a header, and HTTP Basic opens nothing', async () => {
    const document = () => api.anonymous.get('/openapi.json');
    expect(await document()).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect((await document().auth('any', testApiKey)).status).toBe(401);
    expect((await document().set('X-API-Key', testApiKey)).status).toBe(200);
    expect((await api.anonymous.get(`/openapi.json?key=${testApiKey}&api_key=${testApiKey}`)).status).toBe(401);
  });
});

describe('A request with the cookie that changes something', () => {
  beforeEach(() => browser.signIn());

  test('When a page of the API makes it, then it is done', async () => {
    expect((await pause().set(browser.scriptHeaders())).status).toBe(200);
    expect(
      (await api.anonymous.put('/admin/queues/api/queues/chunks/resume').set(browser.scriptHeaders())).status,
    ).toBe(200);
  });

  test('When a browser sends no Sec-Fetch-Site, then its Origin must be this one', async () => {
    const { 'sec-fetch-site': _, ...headers } = browser.scriptHeaders();
    const resume = () => api.anonymous.put('/admin/queues/api/queues/chunks/resume').set(headers);
    expect((await resume().set('origin', new URL(api.url).origin)).status).toBe(200);
    expect((await resume().set('origin', 'https://evil.example')).body.code).toBe('CROSS_SITE');
    expect((await resume().set('origin', 'null')).body.code).toBe('CROSS_SITE');
    expect((await resume()).body.code).toBe('CROSS_SITE');
  });

  test.each([
    ['another site makes it', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the domain makes it', { 'sec-fetch-site': 'same-site' }],
    ['it lacks the proof', { 'x-xsrf-token': '' }],
    ['the proof is another', { 'x-xsrf-token': 'x'.repeat(43) }],
  ])('When %s, then it is refused', async (_what, headers) => {
    const refused = { status: 403, body: { code: 'CROSS_SITE' } };
    expect(await pause().set({ ...browser.scriptHeaders(), ...headers })).toMatchObject(refused);
    const change = api.anonymous.post('/api/v1/retries').set({ ...browser.scriptHeaders(), ...headers });
    expect(await change.send({ dry_run: true })).toMatchObject(refused);
  });

  test('When it goes to the API with the proof, then it is done as the user', async () => {
    const sent = () => api.anonymous.post('/api/v1/retries').set(browser.scriptHeaders());
    expect((await sent().send({ dry_run: true, document_id: newId() })).body.code).toBe('DOCUMENT_NOT_FOUND');
    expect((await api.anonymous.get('/api/v1/documents').set('cookie', browser.header())).status).toBe(200);
  });
});

describe('A session ends', () => {
  const isOpen = async () => (await browser.open('/docs/')).status === 200;

  test('when the person signs out, and that is recorded', async () => {
    await browser.signIn();
    const { text } = await browser.open('/admin/sign-out');
    const [, proof = ''] = /name="csrf_token" value="([^"]+)"/.exec(text) ?? [];
    const kept = new Map(browser.cookies);
    expect((await browser.submit('/admin/sign-out', { csrf_token: 'another' })).status).toBe(403);
    expect(await isOpen()).toBe(true);
    const answer = await browser.submit('/admin/sign-out', { csrf_token: proof });
    expect([answer.status, browser.cookies.size]).toEqual([303, 0]);
    for (const [name, value] of kept) {
      browser.cookies.set(name, value);
    }
    expect(await isOpen()).toBe(false);
    expect(await actionsOf('sign_out')).not.toEqual([]);
  });

  test('when the browser signs in again', async () => {
    await browser.signIn();
    const former = browser.header();
    await browser.signIn();
    expect(await isOpen()).toBe(true);
    expect((await api.anonymous.get('/api/v1/documents').set('cookie', former)).status).toBe(401);
  });

  test.each([
    ['its key is revoked', 'UPDATE api_keys SET revoked_at = now() WHERE user_id = $1'],
    ['its key expires', 'UPDATE api_keys SET expires_at = now() WHERE user_id = $1'],
    ['its key is deleted', 'DELETE FROM api_keys WHERE user_id = $1'],
    ['its user is disabled', "UPDATE users SET status = 'disabled' WHERE id = $1"],
    ['its user is deleted', 'DELETE FROM users WHERE id = $1'],
    ['eight hours have passed', 'UPDATE sessions SET expires_at = now() WHERE user_id = $1'],
  ])('when %s', async (_what, sql) => {
    const userId = await newUser(api.database);
    await browser.signIn(await newKey(api.database, userId));
    expect(await isOpen()).toBe(true);
    await api.database.sql.none(sql, [userId]);
    expect(await isOpen()).toBe(false);
  });

  test('and a key that may only read does not let its session operate', async () => {
    const userId = await newUser(api.database, 'admin');
    await browser.signIn(await newKey(api.database, userId, { scopes: ['read'] }));
    expect((await browser.open('/admin/queues')).status).toBe(403);
    expect((await browser.open('/docs/')).status).toBe(200);
  });
});
