import { MillraceError } from '@millrace/contracts';
import OpenAI from 'openai';
import type { RawEmbeddingProvider } from '../provider';
import { fetchWithWords } from './errorWords';
import { smallerBatch, translateOpenaiError } from './openaiErrors';

export interface OpenaiProviderOptions {
  /** Undefined for a server that needs no key. */
  apiKey: string | undefined;
  baseUrl: string;
  model: string;
  /** The length that is asked for; undefined when the server is not told. */
  dimensions: number | undefined;
  timeoutMs: number;
}

/**
 * Embeds texts with a server that has OpenAI's embeddings API. Makes one request per call, and more only when the server
 * finds a request too large. The SDK's own retries are off, because Millrace counts and delays the attempts itself.
 */
export function openaiProvider(options: OpenaiProviderOptions): RawEmbeddingProvider {
  const { model, dimensions, timeoutMs, apiKey } = options;
  // The SDK reads missing options from the environment. All are set here, so that there is one source of configuration.
  const client = new OpenAI({
    // The SDK insists on a key, even for a server that needs none.
    apiKey: apiKey ?? 'none',
    baseURL: options.baseUrl,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    // Never reached. The SDK's timeout ends with the response headers; `Deadline` covers the body as well.
    timeout: 2 ** 31 - 1,
    // This header would tell the server about that timeout.
    defaultHeaders: { 'X-Stainless-Timeout': null },
    logLevel: 'off',
    fetch: fetchWithWords,
  });
  const body = { model, ...(dimensions === undefined ? {} : { dimensions }) };
  let largestBatch = Number.POSITIVE_INFINITY;

  async function request(texts: readonly string[], signal: AbortSignal | undefined): Promise<ArrayLike<number>[]> {
    const deadline = new Deadline(timeoutMs, signal);
    try {
      const answer: unknown = await client.embeddings.create(
        // The SDK's default is base64. If a server ignores it and sends numbers, the SDK returns empty vectors.
        { ...body, input: [...texts], encoding_format: 'float' },
        { signal: deadline.signal },
      );
      return orderedVectors(answer, texts.length);
    } catch (error) {
      signal?.throwIfAborted();
      if (deadline.expired) {
        throw new MillraceError('EMBEDDING_TIMEOUT', `The embedding provider did not answer within ${timeoutMs} ms.`);
      }
      const smaller = smallerBatch(error, texts.length);
      if (smaller === null) {
        throw translateOpenaiError(error, apiKey);
      }
      if (smaller.isLasting) {
        largestBatch = smaller.size;
      }
      return divided(texts, smaller.size, signal);
    } finally {
      deadline.clear();
    }
  }

  async function divided(texts: readonly string[], size: number, signal: AbortSignal | undefined) {
    const vectors: ArrayLike<number>[] = [];
    for (let start = 0; start < texts.length; start += size) {
      vectors.push(...(await request(texts.slice(start, start + size), signal)));
    }
    return vectors;
  }

  return {
    get largestBatch() {
      return largestBatch;
    },
    embedBatch: request,
  };
}

/** If a timer is this late, the whole process was suspended. The answer may have arrived in that time. */
const frozenMs = 1_000;

/**
 * Aborts a request after `ms`, or with `outer`. When the process was suspended past the deadline, the answer may have
 * arrived. Then there is a moment to read it, because it is paid for.
 */
class Deadline {
  private readonly controller = new AbortController();
  private readonly abort = () => this.controller.abort();
  private timer: NodeJS.Timeout;
  expired = false;

  constructor(
    ms: number,
    private readonly outer: AbortSignal | undefined,
  ) {
    const due = performance.now() + ms;
    this.timer = setTimeout(() => {
      if (performance.now() - due > frozenMs) {
        this.timer = setTimeout(() => this.expire(), frozenMs);
      } else {
        this.expire();
      }
    }, ms);
    outer?.addEventListener('abort', this.abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  private expire(): void {
    this.expired = true;
    this.abort();
  }

  clear(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.abort);
  }
}

/** Returns the vectors in the order of their `index`, which can differ from the order of the answer. */
function orderedVectors(answer: unknown, count: number): ArrayLike<number>[] {
  const data = isObject(answer) ? answer.data : undefined;
  if (!Array.isArray(data)) {
    throw invalidResponse('The embedding provider answered without a list of embeddings.');
  }
  if (data.length !== count) {
    throw invalidResponse(`The embedding provider returned ${data.length} vectors for ${count} texts.`);
  }
  const vectors = new Map<number, ArrayLike<number>>();
  for (const entry of data as unknown[]) {
    const vector = isObject(entry) ? numbersOf(entry.embedding) : null;
    if (!isObject(entry) || vector === null) {
      throw invalidResponse('The embedding provider returned an embedding that is not a list of numbers.');
    }
    const { index } = entry;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count || vectors.has(index)) {
      throw invalidResponse('The embedding provider returned embeddings whose "index" does not match the texts.');
    }
    vectors.set(index, vector);
  }
  return [...vectors].sort(([a], [b]) => a - b).map(([, vector]) => vector);
}

const floatBytes = 4;

/** Returns the numbers of a vector: a list, or base64 of little-endian floats, which some servers send unasked. */
function numbersOf(embedding: unknown): ArrayLike<number> | null {
  if (Array.isArray(embedding)) {
    return embedding;
  }
  const bytes = Buffer.from(typeof embedding === 'string' ? embedding : '', 'base64');
  if (bytes.length === 0 || bytes.length % floatBytes !== 0) {
    return null;
  }
  return Float32Array.from({ length: bytes.length / floatBytes }, (_, i) => bytes.readFloatLE(i * floatBytes));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function invalidResponse(message: string): MillraceError {
  return new MillraceError('EMBEDDING_INVALID_RESPONSE', message);
}
