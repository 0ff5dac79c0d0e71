import { createHash } from 'node:crypto';
import { newId } from '@millrace/contracts';
import { testApiKey } from '@millrace/test-support';
import { decodeJwt, importJWK, type JWK, SignJWT } from 'jose';
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

interface Account {
  id: string;
  email: string;
}
const accountPassword = 'correct horse battery';

/** Makes a user with a password. */
async function newAccount(): Promise<Account> {
  const email = `${newId()}@example.org`;
  return (await api.client.post('/api/v1/users').send({ email, password: accountPassword })).body;
}

async function tokensOf({ email }: Account) {
  const sent = { grant_type: 'password', email, password: accountPassword };
  return (await api.anonymous.post('/api/v1/auth/token').send(sent)).body;
}

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
    const [session, proof] = setCookies(answer);
    // A browser takes a cookie with this prefix only from this host, so no other host of the domain can plant a session.
    expect(session).toMatch(/^__Host-millrace_session=[\w-]{43};.* Path=\/;.* HttpOnly; Secure; SameSite=Strict$/);
    expect(session).not.toContain('Domain');
    expect(proof).toMatch(/; Secure; SameSite=Strict$/);
    const [pair = ''] = session?.split(';') ?? [];
    const openWith = (cookie: string) =>
      api.anonymous.get('/api/v1/documents').set({ cookie, 'x-forwarded-proto': 'https' });
    expect((await openWith(pair)).status).toBe(200);
    expect((await openWith(pair.replace('__Host-', ''))).status).toBe(401);
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

describe('Signing in with a password', () => {
  test('When it is right, then the user has a session of its own, which needs no key', async () => {
    const user = await newAccount();
    const answer = await browser.signInWithPassword(user.email.toUpperCase(), accountPassword);
    expect([answer.status, answer.headers.location]).toEqual([303, '/docs/']);
    expect((await browser.open('/docs/')).status).toBe(200);
    const { body } = await api.anonymous.get('/api/v1/me').set('cookie', browser.header());
    expect(body).toMatchObject({ kind: 'user', scopes: null, user: { id: user.id } });
    expect(body.user.last_sign_in_at).not.toBeNull();
    const { actions } = (await api.client.get(`/api/v1/actions?user_id=${user.id}&kind=sign_in`)).body;
    expect(actions).toEqual([expect.objectContaining({ requested_by: `user:${user.id}`, address: '127.0.0.1' })]);
  });

  test.each<[string, (email: string) => Promise<[string, string]>]>([
    ['the password is wrong', async (email) => [email, 'a wrong password']],
    ['nobody has the address', async () => [`${newId()}@example.org`, accountPassword]],
    ['the address is none', async () => ['"><script>alert(1)</script>', accountPassword]],
    ['the password is longer than any', async (email) => [email, 'x'.repeat(1_001)]],
    ['the user has no password', async () => [`${await newUser(api.database)}@example.org`, '']],
  ])('When %s, then the form says the same each time, and there is no session', async (_what, given) => {
    const [email, password] = await given((await newAccount()).email);
    const answer = await browser.signInWithPassword(email, password);
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('The e-mail address or the password is wrong.');
    expect(answer.text).not.toMatch(/<script|wrong password|x{20}/);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(browser.cookies.size).toBe(0);
  });

  test('When it was wrong ten times, then the form and POST /auth/token wait together', async () => {
    const { email } = await newAccount();
    for (let i = 0; i < 10; i++) {
      expect((await browser.signInWithPassword(email, 'a wrong password')).status).toBe(401);
    }
    const answer = await browser.signInWithPassword(email, accountPassword);
    expect(answer.status).toBe(429);
    expect(answer.text).toMatch(/too many attempts\. Minutes to wait: 1[45]\./);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    const sent = { grant_type: 'password', email, password: accountPassword };
    expect((await api.anonymous.post('/api/v1/auth/token').send(sent)).status).toBe(429);
  });

  test.each<[string, (user: Account) => Promise<unknown>]>([
    [
      'changes the password',
      (user) =>
        api.anonymous
          .patch('/api/v1/me')
          .set(browser.scriptHeaders())
          .send({ password: `${user.id} another`, current_password: accountPassword }),
    ],
    [
      'signs out everywhere',
      async (user) => {
        const { refresh_token } = await tokensOf(user);
        return api.anonymous.post('/api/v1/auth/sign-out').send({ refresh_token, everywhere: true });
      },
    ],
    [
      'is disabled, also when it is enabled again',
      async (user) => {
        await api.client.patch(`/api/v1/users/${user.id}`).send({ status: 'disabled' });
        return api.client.patch(`/api/v1/users/${user.id}`).send({ status: 'active' });
      },
    ],
  ])('When its user %s, then its sessions end', async (_what, act) => {
    const user = await newAccount();
    await browser.signInWithPassword(user.email, accountPassword);
    expect((await browser.open('/docs/')).status).toBe(200);
    expect(await act(user)).toMatchObject({ ok: true });
    expect((await browser.open('/docs/')).status).toBe(303);
    expect((await api.anonymous.get('/api/v1/me').set('cookie', browser.header())).status).toBe(401);
  });
});

describe('Signing in with a token', () => {
  test('When it is in force, then the session ends when the token does', async () => {
    const { access_token, expires_in } = await tokensOf(await newAccount());
    const answer = await browser.signIn(access_token, '/docs/');
    expect(answer.status).toBe(303);
    const [, maxAge] = /Max-Age=(\d+)/.exec(setCookies(answer)[0] ?? '') ?? [];
    expect(Number(maxAge)).toBeLessThanOrEqual(expires_in);
    const { ms } = await api.database.sql.one<{ ms: number }>(
      `SELECT (extract(epoch FROM expires_at - now()) * 1000)::float8 AS ms FROM sessions WHERE token_hash = $1`,
      [
        createHash('sha256')
          .update(browser.cookies.get('millrace_session') ?? '')
          .digest('hex'),
      ],
    );
    expect(ms).toBeLessThanOrEqual(expires_in * 1000);
    expect((await browser.open('/docs/')).status).toBe(200);
  });

  test('When it has expired, then the form says so', async () => {
    const { access_token } = await tokensOf(await newAccount());
    const { sub, sid } = decodeJwt(access_token);
    const { id: kid, key } = await api.database.sql.one<{ id: string; key: JWK }>(
      'SELECT id, private_key AS key FROM signing_keys WHERE verifies_until IS NULL',
    );
    const expired = await new SignJWT({ sid })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid })
      .setIssuer('millrace')
      .setAudience('millrace')
      .setSubject(sub ?? '')
      .setJti(newId())
      .setIssuedAt('-20m')
      .setExpirationTime('-10m')
      .sign(await importJWK(key, 'EdDSA'));
    const answer = await browser.signIn(expired);
    expect([answer.status, answer.type]).toEqual([401, 'text/html']);
    expect(answer.text).toContain('The token has expired.');
    expect(browser.cookies.size).toBe(0);
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
    const acts = (await actionsOf('queue_changed')) as { details: { path: string } }[];
    expect(acts.map(({ details }) => details.path)).toEqual(
      expect.arrayContaining(['/queues/api/queues/chunks/pause', '/queues/api/queues/chunks/resume']),
    );
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

  test('but not when another site sends the form, with which the browser sends no cookie', async () => {
    const answer = await browser.submit('/admin/sign-out', {}, 'cross-site');
    expect(answer).toMatchObject({ status: 403, body: { code: 'CROSS_SITE' } });
    expect(setCookies(answer)).toEqual([]);
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
