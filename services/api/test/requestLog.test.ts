import { Writable } from 'node:stream';
import { createLogger } from '@millrace/telemetry';
import { encryptedPdf, testApiKey, waitFor } from '@millrace/test-support';
import { TestBrowser } from './browser';
import { TestApi } from './support';

const password = 'Zwiebelkuchen-4712';
let log = '';
let api: TestApi;
beforeAll(async () => {
  const destination = new Writable({
    write(line, _encoding, done) {
      log += line;
      done();
    },
  });
  api = await TestApi.start({}, createLogger('test', 'trace', destination));
});
afterAll(() => api.stop());

test.each(['password', 'p%61ssword', 'Password', 'password[]', 'password[a]'])(
  'When a password is in the address as %s, then the log has the request without it',
  async (name) => {
    log = '';
    const pdf = await encryptedPdf(password);
    await api.client
      .post(`/api/v1/documents?filename=a.pdf&${name}=${password}&${name}=${password}`)
      .attach('file', pdf, 'a.pdf');
    await api.client.get(`/nowhere?${name}=${password}`);
    await waitFor('both requests in the log', async () => log.includes('filename=a.pdf') && log.includes('/nowhere'));
    expect(log).toContain('Redacted');
    expect(log).not.toContain(password);
  },
);

test('When secrets are in headers, cookies, forms, bodies and addresses, then no line of the log has one', async () => {
  log = '';
  const planted = (name: string) => `planted-${name}-4711-4711`;
  const browser = new TestBrowser(api);
  await browser.signIn();
  const cookies = [...browser.cookies.values()];
  await browser.open('/docs/');
  await api.anonymous.put('/admin/queues/api/queues/chunks/resume').set(browser.scriptHeaders());
  await browser.signIn(planted('form-key'));
  await api.client.get('/api/v1/documents');
  await api.anonymous.get('/api/v1/documents').set('Authorization', `Bearer ${planted('bearer')}`);
  await api.anonymous.get('/api/v1/documents').set('X-API-Key', planted('header'));
  await api.anonymous.get('/api/v1/documents').auth('user', planted('basic'));
  await api.anonymous.get('/api/v1/documents').set('Cookie', `millrace_session=${planted('cookie')}`);
  await api.client.get('/api/v1/documents').set('Referer', `http://x/?token=${planted('referer')}`);
  for (const name of [
    'api_key',
    'apikey',
    'key',
    'token',
    'access_token',
    'refresh_token',
    'client_secret',
    'passwd',
  ]) {
    await api.client.get(`/api/v1/documents?${name}=${planted('query')}`);
  }
  await api.client
    .post('/api/v1/documents')
    .set('X-Document-Password', planted('document'))
    .field('password', planted('field'))
    .attach('file', await encryptedPdf(password), 'a.pdf');
  for (const body of [
    { password: planted('body'), refresh_token: planted('body') },
    { query: 'x', token: planted('body') },
  ]) {
    await api.client.post('/api/v1/search').send(body);
  }
  await api.client
    .post('/api/v1/search')
    .type('json')
    .send(`{"password": "${planted('malformed')}`);
  const email = `${planted('name')}@example.org`;
  const user = await api.client
    .post('/api/v1/users')
    .send({ email: 'logged@example.org', password: planted('account') });
  await browser.signInWithPassword(email, planted('password-of-form'));
  await browser.signInWithPassword('logged@example.org', planted('account'));
  const sent = { grant_type: 'password', email: 'logged@example.org', password: planted('account') };
  const tokens = (await api.anonymous.post('/api/v1/auth/token').send(sent)).body;
  await api.anonymous.post('/api/v1/auth/token').send({ grant_type: 'refresh_token', ...tokens });
  await api.anonymous
    .post('/api/v1/auth/token')
    .send({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token });
  await api.client.post('/api/v1/auth/signing-keys/rotate');
  const made = (await api.client.post('/api/v1/keys').send({ name: 'a', scopes: ['read'] })).body.key as string;
  // What the database has is not to be in the log either: with it one could sign tokens, or try passwords elsewhere.
  const stored = await api.database.sql.many<{ secret: string }>(
    `SELECT private_key ->> 'd' AS secret FROM signing_keys UNION ALL SELECT token_hash FROM refresh_tokens
     UNION ALL SELECT token_hash FROM sessions UNION ALL SELECT key_hash FROM api_keys
     UNION ALL SELECT password_hash FROM users WHERE password_hash IS NOT NULL`,
  );
  expect(stored.length).toBeGreaterThan(7);
  await api.client.get('/last-of-all');
  await waitFor('the last request in the log', async () => log.includes('/last-of-all'));
  for (const secret of [
    'planted-',
    testApiKey,
    Buffer.from(`user:${planted('basic')}`).toString('base64'),
    ...cookies,
    tokens.access_token,
    tokens.refresh_token,
    made,
    ...stored.map(({ secret }) => secret),
  ]) {
    expect(log.split('\n').filter((line) => line.includes(secret))).toEqual([]);
  }
  expect([user.status, cookies.length, made.length > 40]).toEqual([201, 2, true]);
});
