import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { type OpenAiServer, openAiVector, plainModel, startOpenAiServer } from '@millrace/test-support';
import { createEmbeddingProvider, type EmbeddingProvider, type ProviderConfig } from '../src';
import { retryAfterMs } from '../src/openai/openaiErrors';

const apiKey = 'sk-test-0123456789abcdef';

describe('The openai provider', () => {
  let server: OpenAiServer;

  beforeEach(async () => {
    server = await startOpenAiServer({ apiKey });
  });

  afterEach(() => server.close());

  function provider({ settings, ...changes }: Partial<ProviderConfig> = {}): Promise<EmbeddingProvider> {
    return createEmbeddingProvider({
      provider: 'openai',
      ...plainModel('text-embedding-3-small', 12),
      maxTokens: 512,
      batchSize: 3,
      timeoutMs: 60_000,
      stateDir: 'unused',
      settings: { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: server.baseUrl, ...settings },
      ...changes,
    });
  }

  async function failure(texts: string[] = ['a', 'b'], changes: Partial<ProviderConfig> = {}) {
    const made = await provider(changes);
    return made.embed(texts).then(
      () => {
        throw new Error('The call should have failed.');
      },
      (error: unknown) => error,
    );
  }

  test('When texts are embedded, then model, dimensions and encoding are sent, and the vectors are returned', async () => {
    const [vector, ...rest] = await (await provider()).embed(['revenue']);
    expect(rest).toEqual([]);
    expect(vector).toHaveLength(12);
    for (const [i, value] of openAiVector('revenue', 12).entries()) {
      expect(vector?.[i]).toBeCloseTo(value, 5);
    }
    expect(server.requests).toMatchObject([
      { model: 'text-embedding-3-small', input: ['revenue'], dimensions: 12, encodingFormat: 'float' },
    ]);
  });

  test('When there are more texts than one request takes, then several requests are made', async () => {
    const texts = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const vectors = await (await provider()).embed(texts);
    expect(vectors).toHaveLength(7);
    expect(server.requests.map((request) => request.input)).toEqual([['a', 'b', 'c'], ['d', 'e', 'f'], ['g']]);
  });

  test('When the answer has another order, then the vectors still follow the texts', async () => {
    const made = await provider();
    const expected = await made.embed(['a', 'b', 'c']);
    server.respondWith(() => ({ reversed: true }));
    expect(await made.embed(['a', 'b', 'c'])).toEqual(expected);
  });

  test.each([
    ['seconds', { 'retry-after': '7' }, 7000],
    ['milliseconds', { 'retry-after-ms': '1500', 'retry-after': '9' }, 1500],
    ['nothing', {}, undefined],
  ])(
    'When the rate is limited and the answer gives the wait in %s, then the error holds it',
    async (_, headers, expected) => {
      server.respondWith(() => ({ status: 429, headers }));
      expect(await failure()).toMatchObject({ code: 'EMBEDDING_RATE_LIMITED', retryAfterMs: expected });
      expect(server.requests).toHaveLength(1);
    },
  );

  test('When the wait is given as a date, then the error holds the time until then', async () => {
    server.respondWith(() => ({
      status: 429,
      headers: { 'retry-after': new Date(Date.now() + 600_000).toUTCString() },
    }));
    const error = await failure();
    expect(error).toMatchObject({ code: 'EMBEDDING_RATE_LIMITED', retryAfterMs: expect.any(Number) });
  });

  test.each([
    ['Fri, 01 Jan 2027 00:00:30 GMT', 30_000],
    ['Thu, 31 Dec 2026 23:00:00 GMT', 0],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 3_600_000],
    ['999999', 3_600_000],
    ['0.5', 1000],
    ['soon', undefined],
  ])('When Retry-After is "%s" at the turn of the year, then the wait is %s ms', (value, expected) => {
    const now = Date.parse('2027-01-01T00:00:00Z');
    expect(retryAfterMs(new Headers({ 'retry-after': value }), now)).toBe(expected);
  });

  test.each([
    [400, 'EMBEDDING_REJECTED'],
    [401, 'EMBEDDING_REJECTED'],
    [403, 'EMBEDDING_REJECTED'],
    [404, 'EMBEDDING_REJECTED'],
    [422, 'EMBEDDING_REJECTED'],
    [500, 'EMBEDDING_UNAVAILABLE'],
    [503, 'EMBEDDING_UNAVAILABLE'],
    [504, 'EMBEDDING_TIMEOUT'],
  ])(
    "When the status is %i, then the code is %s, the message holds the provider's words, and one request was made",
    async (status, code) => {
      server.respondWith(() => ({ status, body: { error: { message: 'the words of the provider' } } }));
      expect(await failure()).toMatchObject({
        code,
        message: expect.stringContaining('the words of the provider'),
      });
      expect(server.requests).toHaveLength(1);
    },
  );

  test('When the quota is used up, then the code is EMBEDDING_RATE_LIMITED', async () => {
    server.respondWith(() => ({ status: 429, body: { error: { message: 'no credit', code: 'insufficient_quota' } } }));
    expect(await failure()).toMatchObject({ code: 'EMBEDDING_RATE_LIMITED' });
  });

  test('When no server listens at the address, then the provider is unavailable', async () => {
    const gone = await startOpenAiServer();
    await gone.close();
    expect(await failure(['a'], { settings: { OPENAI_BASE_URL: gone.baseUrl } })).toMatchObject({
      code: 'EMBEDDING_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('When the process is suspended past the deadline, then an answer that has arrived is used', async () => {
    // The server has its own process, so it continues while this one is suspended.
    const code = `require('node:http').createServer((request, response) => {
      console.log('asked');
      response.setHeader('content-type', 'application/json');
      setTimeout(() => response.end(JSON.stringify({ data: [{ index: 0, embedding: Array(12).fill(1) }] })), 50);
    }).listen(0, '127.0.0.1', function () { console.log(this.address().port); })`;
    const other = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [port] = await once(other.stdout, 'data');
      const made = await provider({
        settings: { OPENAI_BASE_URL: `http://127.0.0.1:${String(port).trim()}/v1` },
        timeoutMs: 3_000,
      });
      const asked = once(other.stdout, 'data');
      const answer = made.embed(['a']);
      await asked;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
      expect(await answer).toHaveLength(1);
    } finally {
      other.kill();
    }
  });

  test.each([
    ['closes the connection in the middle of its answer', { breakOff: true }, 'EMBEDDING_UNAVAILABLE'],
    ['answers with broken JSON', { garbage: true }, 'EMBEDDING_INVALID_RESPONSE'],
    ['answers with other JSON', { json: { ok: true } }, 'EMBEDDING_INVALID_RESPONSE'],
    [
      'answers with an HTML page',
      { status: 200, headers: { 'content-type': 'text/html' }, body: '<p>' },
      'EMBEDDING_INVALID_RESPONSE',
    ],
    ['leaves vectors out', { tooFew: 1 }, 'EMBEDDING_INVALID_RESPONSE'],
    ['returns other dimensions', { dimensions: 10 }, 'EMBEDDING_DIMENSION_MISMATCH'],
    [
      'names one text twice',
      {
        json: {
          data: [
            { index: 0, embedding: [1] },
            { index: 0, embedding: [1] },
          ],
        },
      },
      'EMBEDDING_INVALID_RESPONSE',
    ],
    [
      'returns text instead of numbers',
      {
        json: {
          data: [
            { index: 0, embedding: 'AAAA' },
            { index: 1, embedding: 'AAAA' },
          ],
        },
      },
      'EMBEDDING_INVALID_RESPONSE',
    ],
  ] as const)('When the provider %s, then the call is refused', async (_, reply, code) => {
    server.respondWith(() => reply);
    expect(await failure()).toMatchObject({ code });
  });

  test.each([
    ['does not answer', { hang: true }],
    ['stops in the middle of its answer', { hangInBody: true }],
  ] as const)('When the provider %s, then the call ends with EMBEDDING_TIMEOUT', async (_, reply) => {
    server.respondWith(() => reply);
    expect(await failure(['a', 'b'], { timeoutMs: 500 })).toMatchObject({ code: 'EMBEDDING_TIMEOUT' });
  });

  test.each([{ hang: true }, { hangInBody: true }] as const)(
    'When the call is aborted while the answer is %j, then it rejects with the reason',
    async (reply) => {
      const controller = new AbortController();
      server.respondWith(() => {
        setImmediate(() => controller.abort(new Error('shutting down')));
        return reply;
      });
      const made = await provider();
      await expect(made.embed(['a'], { signal: controller.signal })).rejects.toThrow('shutting down');
    },
  );

  test('When the provider repeats the key, whole or masked, then the error does not show it', async () => {
    server.respondWith(() => ({
      status: 401,
      body: { error: { message: `Incorrect API key provided: ${apiKey}, sk-test-****cdef.` } },
    }));
    const error = await failure();
    const everything = inspect(error, { depth: 10, showHidden: true });
    expect(everything).toContain('Incorrect API key provided: [key]');
    expect(everything).not.toContain(apiKey);
    expect(everything).not.toContain('cdef');
  });

  test('When the key is wrong, then the request is rejected', async () => {
    expect(await failure(['a'], { settings: { OPENAI_API_KEY: 'sk-another-key-entirely' } })).toMatchObject({
      code: 'EMBEDDING_REJECTED',
    });
  });
});
