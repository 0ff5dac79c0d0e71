import {
  type OpenAiReply,
  type OpenAiRequest,
  type OpenAiServer,
  plainModel,
  startOpenAiServer,
} from '@millrace/test-support';
import { createEmbeddingProvider, type EmbeddingProvider, type ProviderConfig } from '../src';

/*
 * The servers that people run speak OpenAI's protocol with differences. Their answers here are those of vLLM
 * (vllm/entrypoints/openai), TEI (router/src/http/server.rs), Ollama (middleware/openai.go) and OpenAI.
 */

const full = 8;
let server: OpenAiServer;

beforeEach(async () => {
  server = await startOpenAiServer({ defaultDimensions: full });
});
afterEach(() => server.close());

function provider({ settings, ...changes }: Partial<ProviderConfig> = {}): Promise<EmbeddingProvider> {
  return createEmbeddingProvider({
    provider: 'openai',
    ...plainModel('BAAI/bge-small-en-v1.5', full),
    maxTokens: 512,
    batchSize: 64,
    timeoutMs: 60_000,
    stateDir: 'unused',
    settings: { OPENAI_BASE_URL: server.baseUrl, ...settings },
    ...changes,
  });
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `text ${i}`);
const sentTexts = () => server.requests.map(({ input }) => input.length);
const failure = async (count = 2) => (await provider()).embed(texts(count)).catch((error: unknown) => error);

const vllm400 = (message: string): OpenAiReply => ({
  status: 400,
  body: { object: 'error', message, type: 'BadRequestError', param: null, code: 400 },
});
const tei = (status: number, type: string, message: string): OpenAiReply => ({
  status,
  body: { message, code: status, type },
});

/** vLLM refuses `dimensions` for a model that cannot shorten its vectors, even when it is the model's own length. */
const asVllm = ({ model, dimensions }: OpenAiRequest): OpenAiReply =>
  dimensions === undefined
    ? 'ok'
    : vllm400(
        `Model "${model}" does not support matryoshka representation, changing output dimensions will lead to poor results.`,
      );

describe('dimensions', () => {
  test.each([
    ['BAAI/bge-small-en-v1.5', undefined, undefined],
    ['nomic-embed-text', undefined, undefined],
    ['text-embedding-ada-002', undefined, undefined],
    ['my-text-embedding-3-clone', undefined, undefined],
    ['text-embedding-3-small', undefined, full],
    ['openai/text-embedding-3-large', 'auto', full],
    ['text-embedding-3-small', 'never', undefined],
    ['nomic-embed-text', 'always', full],
  ])('When the model is %s and OPENAI_SEND_DIMENSIONS is %s, then the request names %s', async (model, send, sent) => {
    await (await provider({ model, settings: { OPENAI_SEND_DIMENSIONS: send } })).embed(['a']);
    expect(server.requests.map((request) => [request.model, request.dimensions])).toEqual([[model, sent]]);
  });

  test('When vLLM serves a model that cannot shorten its vectors, then it embeds, unless it is told to', async () => {
    server.respondWith(asVllm);
    expect(await (await provider()).embed(texts(2))).toHaveLength(2);
    const told = await provider({ settings: { OPENAI_SEND_DIMENSIONS: 'always' } });
    await expect(told.embed(['a'])).rejects.toMatchObject({
      code: 'EMBEDDING_REJECTED',
      message: expect.stringContaining('does not support matryoshka representation'),
    });
  });
});

describe('faults', () => {
  test.each<[string, OpenAiReply, object]>([
    [
      'vLLM gets too long a text',
      vllm400("This model's maximum context length is 512 tokens. However, you requested 600 tokens."),
      { code: 'EMBEDDING_REJECTED', message: expect.stringContaining('maximum context length is 512') },
    ],
    [
      'TEI is overloaded',
      tei(429, 'overloaded', 'Model is overloaded'),
      { code: 'EMBEDDING_RATE_LIMITED', message: expect.stringContaining('Model is overloaded') },
    ],
    [
      'TEI gets too long a text',
      tei(413, 'validation', '`inputs` must have less than 512 tokens. Given: 600'),
      { code: 'EMBEDDING_REJECTED', message: expect.stringContaining('less than 512 tokens. Given: 600') },
    ],
    [
      "TEI's model has failed",
      tei(424, 'backend', 'DriverError(CUDA_ERROR_OUT_OF_MEMORY)'),
      { code: 'EMBEDDING_UNAVAILABLE', message: expect.stringContaining('OUT_OF_MEMORY') },
    ],
    [
      'TEI is loading',
      tei(503, 'unhealthy', 'unhealthy'),
      { code: 'EMBEDDING_UNAVAILABLE', message: expect.stringContaining('unhealthy') },
    ],
    [
      'Ollama does not have the model',
      { status: 404, body: { error: { message: 'model "x" not found, try pulling it first', type: 'api_error' } } },
      { code: 'EMBEDDING_REJECTED', message: expect.stringContaining('try pulling it first') },
    ],
    [
      'Ollama gets too long a text',
      { status: 400, body: { error: 'the input length exceeds the context length' } },
      { code: 'EMBEDDING_REJECTED', message: expect.stringContaining('exceeds the context length') },
    ],
    [
      'Ollama makes a vector that its JSON cannot hold',
      { status: 500, body: { error: { message: 'failed to encode response: json: unsupported value: NaN' } } },
      { code: 'EMBEDDING_INVALID_RESPONSE', message: expect.stringContaining('NaN') },
    ],
    [
      'OpenAI limits the rate',
      {
        status: 429,
        headers: { 'retry-after': '20' },
        body: { error: { message: 'Rate limit reached', type: 'tokens', code: 'rate_limit_exceeded' } },
      },
      { code: 'EMBEDDING_RATE_LIMITED', retryAfterMs: 20_000 },
    ],
    [
      'a proxy answers with FastAPI',
      { status: 422, body: { detail: [{ loc: ['body', 'input'], msg: 'too short' }] } },
      { code: 'EMBEDDING_REJECTED', message: expect.stringContaining('too short') },
    ],
    [
      'a proxy answers with a page',
      { status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' },
      { code: 'EMBEDDING_UNAVAILABLE', message: expect.stringContaining('Bad Gateway') },
    ],
    [
      'a vector holds null',
      {
        json: {
          data: [
            { index: 0, embedding: Array(full).fill(null) },
            { index: 1, embedding: Array(full).fill(1) },
          ],
        },
      },
      { code: 'EMBEDDING_INVALID_RESPONSE' },
    ],
    [
      'a vector holds NaN, as Python writes it',
      { status: 200, body: `{"data": [{"index": 0, "embedding": [NaN]}]}` },
      { code: 'EMBEDDING_INVALID_RESPONSE' },
    ],
    ['a vector is too short', { dimensions: full - 1 }, { code: 'EMBEDDING_DIMENSION_MISMATCH' }],
    ['a vector is missing', { tooFew: 1 }, { code: 'EMBEDDING_INVALID_RESPONSE' }],
  ])('When %s, then the error says so, after one request', async (_, reply, expected) => {
    server.respondWith(() => reply);
    expect(await failure()).toMatchObject(expected);
    expect(server.requests).toHaveLength(1);
  });

  test('When a server sends base64 unasked and in another order, then the vectors are the same', async () => {
    const made = await provider();
    const expected = await made.embed(texts(3));
    server.respondWith(({ input }) => ({
      json: {
        data: input
          .map((_, index) => ({
            index,
            embedding: Buffer.from(Float32Array.from(expected[index] ?? []).buffer).toString('base64'),
          }))
          .reverse(),
      },
    }));
    const vectors = await made.embed(texts(3));
    for (const [i, vector] of vectors.entries()) {
      for (const [j, value] of vector.entries()) {
        expect(value).toBeCloseTo(expected[i]?.[j] ?? Number.NaN, 6);
      }
    }
  });
});

describe('Batches that are too large', () => {
  test.each<[string, OpenAiReply, number]>([
    ['TEI', tei(413, 'validation', 'batch size 64 > maximum allowed batch size 32'), 32],
    ['an older TEI', tei(422, 'validation', 'batch size 64 > maximum allowed batch size 32'), 32],
    [
      'DashScope',
      { status: 400, body: { error: { message: 'batch size is invalid, it should not be larger than 10.' } } },
      10,
    ],
    [
      'OpenAI',
      {
        status: 400,
        body: {
          error: {
            message:
              "'$.input' is invalid: array too long. Expected an array with maximum length 20, but got an array with length 64.",
          },
        },
      },
      20,
    ],
  ])(
    'When %s takes fewer texts, then the batch is divided once, and the next ones are small from the start',
    async (_, refusal, most) => {
      server.respondWith(({ input }) => (input.length > most ? refusal : 'ok'));
      const made = await provider();
      const vectors = await made.embed(texts(64));
      expect([vectors.length, made.maxBatchSize]).toEqual([64, most]);
      expect(sentTexts().slice(0, 2)).toEqual([64, most]);
      const before = server.requests.length;
      expect(await made.embed(texts(most + 1))).toHaveLength(most + 1);
      expect(sentTexts().slice(before)).toEqual([most, 1]);
    },
  );

  test('When the body is too large, then the halves are sent, and later batches stay as they are', async () => {
    const tooLarge = { status: 413, body: 'Failed to buffer the request body: length limit exceeded' } as const;
    server.respondWith((_request, n) => (n === 1 ? tooLarge : 'ok'));
    const made = await provider();
    expect(await made.embed(texts(5))).toHaveLength(5);
    expect([sentTexts(), made.maxBatchSize]).toEqual([[5, 3, 2], 64]);
  });

  test('When a single text is too large, then it is rejected', async () => {
    server.respondWith(() => ({ status: 413, body: 'Payload Too Large' }));
    expect(await failure(1)).toMatchObject({ code: 'EMBEDDING_REJECTED' });
    expect(sentTexts()).toEqual([1]);
  });
});
