import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { problemSchema } from '@millrace/contracts';
import { testApiKey, textPdf } from '@millrace/test-support';
import { TestApi } from './support';

let api: TestApi;
beforeAll(async () => {
  api = await TestApi.start();
});
afterAll(() => api.stop());

const search = (body: unknown) => api.client.post('/api/v1/search').send(body as object);

describe('The API key', () => {
  test.each([
    ['GET', '/api/v1/jobs/1'],
    ['POST', '/api/v1/documents'],
    ['POST', '/api/v1/search'],
    ['GET', '/metrics'],
    ['GET', '/nowhere'],
    ['GET', '/api/v1/jobs/%zz'],
  ])('When %s %s comes without the key, then UNAUTHENTICATED', async (method, path) => {
    const response = await (method === 'GET' ? api.anonymous.get(path) : api.anonymous.post(path));
    expect(response.status).toBe(401);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.headers['www-authenticate']).toContain('Bearer');
    expect(response.body.code).toBe('UNAUTHENTICATED');
  });

  test.each(['Bearer wrong', `Bearer ${testApiKey}x`, 'Bearer', `Basic ${testApiKey}`, testApiKey])(
    'When the Authorization header is %j, then UNAUTHENTICATED',
    async (authorization) => {
      const response = await api.anonymous.get('/api/v1/jobs/1').set('Authorization', authorization);
      expect(response.status).toBe(401);
    },
  );

  test('When the key comes as X-API-Key, then it is accepted', async () => {
    const metrics = await api.anonymous.get('/metrics').set('X-API-Key', testApiKey);
    expect(metrics.status).toBe(200);
    expect(metrics.text).toContain('millrace_database_connections_max{pool="primary",service="api"} 5');
  });

  test('When a browser sends the key as a password to the API itself, then it is refused', async () => {
    expect((await api.anonymous.get('/api/v1/jobs/1').auth('x', testApiKey)).status).toBe(401);
  });

  test('The health checks need no key', async () => {
    expect((await api.anonymous.get('/healthz')).status).toBe(200);
    expect((await api.anonymous.get('/readyz')).body).toEqual({
      ready: true,
      checks: { database: 'ok', redis: 'ok', blobs: 'ok' },
      warnings: expect.any(Array),
    });
  });
});

describe('An invalid request', () => {
  test.each([
    ['GET', `/api/v1/documents/${randomUUID()}`, 'DOCUMENT_NOT_FOUND'],
    ['GET', '/api/v1/documents/nonsense', 'DOCUMENT_NOT_FOUND'],
    ['GET', `/api/v1/documents/${randomUUID()}/chunks`, 'DOCUMENT_NOT_FOUND'],
    ['GET', `/api/v1/documents/${randomUUID()}/pages`, 'DOCUMENT_NOT_FOUND'],
    ['DELETE', `/api/v1/documents/${randomUUID()}`, 'DOCUMENT_NOT_FOUND'],
    ['GET', `/api/v1/jobs/${randomUUID()}`, 'JOB_NOT_FOUND'],
    ['GET', `/api/v1/jobs/${randomUUID()}/chunks`, 'JOB_NOT_FOUND'],
    ['GET', `/api/v1/jobs/${randomUUID()}/chunks/${randomUUID()}`, 'JOB_NOT_FOUND'],
    ['GET', `/api/v1/retries/${randomUUID()}`, 'RETRY_NOT_FOUND'],
    ['GET', '/api/v1/nowhere', 'NOT_FOUND'],
  ])('When %s %s names something unknown, then %s', async (method, path, code) => {
    const response = await (method === 'GET' ? api.client.get(path) : api.client.delete(path));
    expect(response).toMatchObject({ status: 404, body: { code } });
    expect(problemSchema.parse(response.body).request_id).toBe(response.headers['x-request-id']);
  });

  test('When the address does not take the method, then METHOD_NOT_ALLOWED names those that it takes', async () => {
    const response = await api.client.put(`/api/v1/documents/${randomUUID()}`);
    expect(response).toMatchObject({ status: 405, body: { code: 'METHOD_NOT_ALLOWED' } });
    expect(response.headers.allow).toBe('GET, PATCH, DELETE');
  });

  test('When the JSON is malformed, then JSON_MALFORMED', async () => {
    const response = await api.client.post('/api/v1/search').type('application/json').send('{"query": "x"');
    expect(response).toMatchObject({ status: 400, body: { code: 'JSON_MALFORMED' } });
  });

  test('When the body is not JSON, then REQUEST_INVALID says what to send', async () => {
    const response = await api.client.post('/api/v1/search').type('text/plain').send('query');
    expect(response).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(response.body.detail).toContain('application/json');
  });

  test('When the JSON is too large, then PAYLOAD_TOO_LARGE', async () => {
    expect(await search({ query: 'x'.repeat(300_000) })).toMatchObject({
      status: 413,
      body: { code: 'PAYLOAD_TOO_LARGE' },
    });
  });

  test.each([
    ['a query that is a number', { query: 5 }, 'query'],
    ['no query', {}, 'query'],
    ['an empty query', { query: '  ' }, 'query'],
    ['a limit of zero', { query: 'x', limit: 0 }, 'limit'],
    ['a limit beyond the largest', { query: 'x', limit: 101 }, 'limit'],
    ['a limit that is text', { query: 'x', limit: '5' }, 'limit'],
    ['a document id that is not a UUID', { query: 'x', document_id: 'nonsense' }, 'document_id'],
    ['an array', [], ''],
  ])('When a search has %s, then REQUEST_INVALID names the field', async (_what, body, path) => {
    const response = await search(body);
    expect(response).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID', errors: [{ path }] } });
  });

  test('When a search has an unknown field, then REQUEST_INVALID names the field', async () => {
    const response = await search({ query: 'x', colection_id: randomUUID() });
    expect(response).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(response.body.detail).toContain('colection_id');
  });

  test.each([
    ['document_id', 'DOCUMENT_NOT_FOUND'],
    ['collection_id', 'COLLECTION_NOT_FOUND'],
  ])('When a search names a %s that does not exist, then %s', async (field, code) => {
    expect(await search({ query: 'x', [field]: randomUUID() })).toMatchObject({ status: 404, body: { code } });
  });

  test.each(['limit=0', 'limit=x', 'limit=501', 'cursor=nonsense', 'status=lost'])(
    'When the query of a list is %s, then REQUEST_INVALID',
    async (query) => {
      const { body } = await api.client.post('/api/v1/documents').attach('file', await textPdf(['Listed.']), 'a.pdf');
      const response = await api.client.get(`/api/v1/jobs/${body.job.id}/chunks?${query}`);
      expect(response).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    },
  );

  test('When a query holds NUL and lone surrogates, then the search still answers', async () => {
    const response = await search({ query: 'a\0b \ud800 c' });
    expect(response).toMatchObject({ status: 200, body: { hits: [] } });
  });
});

describe('A request that is not well-formed HTTP', () => {
  /** Sends the text as it is. @returns the status, the head and the problem document of the answer. */
  async function send(text: string) {
    const { hostname, port } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    socket.write(text);
    let answer = '';
    for await (const data of socket) {
      answer += String(data);
    }
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    // The body may be chunked, with lengths around it.
    const json = body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1);
    return { status: Number(head.split(' ')[1]), head, problem: problemSchema.parse(JSON.parse(json)) };
  }

  test.each([
    ['too large headers', `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['an unknown expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: wonders\r\nConnection: close\r\n\r\n', 417],
    ['an invalid address', 'GET http://[bad/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
  ])('When it has %s, then the answer is still a problem document', async (_what, text, status) => {
    const answer = await send(text);
    expect(answer.status).toBe(status);
    expect(answer.problem.status).toBe(status);
    expect(answer.head).toContain('application/problem+json');
  });

  test('When an upload has an invalid address, then no file of it stays', async () => {
    const answer = await send(
      `POST http://x:99999999/api/v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${testApiKey}\r\n` +
        'Content-Type: application/pdf\r\nContent-Length: 8\r\nConnection: close\r\n\r\n%PDF-1.4',
    );
    expect(answer.status).toBe(400);
    const { BLOB_DIR } = api.environment.config();
    const entries = await readdir(BLOB_DIR, { recursive: true, withFileTypes: true });
    expect(entries.filter((entry) => entry.isFile() && entry.parentPath.endsWith('incoming'))).toEqual([]);
  });
});
