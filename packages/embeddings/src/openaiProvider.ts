import { MillraceError, openaiAddress } from '@millrace/contracts';
import OpenAI from 'openai';
import { openaiFailure } from './openaiErrors';
import type { RawEmbeddingProvider } from './provider';

const defaultModel = 'text-embedding-3-small';

export interface OpenaiProviderOptions {
  apiKey: string | undefined;
  baseUrl: string | undefined;
  model: string | undefined;
  dimensions: number;
  maxBatchSize: number;
  timeoutMs: number;
}

/**
 * Any endpoint that speaks OpenAI's embeddings protocol: OpenAI itself, Ollama, vLLM, TEI.
 * One request per call and none of the SDK's own retries: Millrace counts the attempts and spaces them.
 */
export function openaiProvider(options: OpenaiProviderOptions): RawEmbeddingProvider {
  const { model = defaultModel, dimensions, maxBatchSize, timeoutMs, apiKey } = options;
  // Everything that the SDK would otherwise take from the environment is given, so that configuration has one source.
  const client = new OpenAI({
    // Local endpoints ask for no key, but the SDK insists on one.
    apiKey: apiKey ?? 'none',
    baseURL: options.baseUrl ?? openaiAddress,
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    maxRetries: 0,
    // As good as none: the SDK's own timeout ends with the headers, `Deadline` covers the body too.
    timeout: 2 ** 31 - 1,
    // It would tell the provider of that timeout.
    defaultHeaders: { 'X-Stainless-Timeout': null },
    logLevel: 'off',
  });
  return {
    name: 'openai',
    model,
    dimensions,
    maxBatchSize,
    inProcess: false,
    async embedBatch(texts, signal) {
      const deadline = new Deadline(timeoutMs, signal);
      try {
        const answer: unknown = await client.embeddings.create(
          // The SDK's default, base64, turns the answer of a server that sends numbers anyway into empty vectors.
          { model, input: [...texts], dimensions, encoding_format: 'float' },
          { signal: deadline.signal },
        );
        return orderedVectors(answer, texts.length);
      } catch (error) {
        signal?.throwIfAborted();
        throw deadline.expired
          ? new MillraceError('EMBEDDING_TIMEOUT', `The embedding provider did not answer within ${timeoutMs} ms.`)
          : openaiFailure(error, apiKey);
      } finally {
        deadline.clear();
      }
    },
  };
}

/** A timer that is so late has slept with the whole process: the answer may have come meanwhile. */
const frozenMs = 1_000;

/**
 * Aborts after `ms`, or with `signal`. When the process was frozen past the deadline, what has come meanwhile, and is
 * paid for, gets a moment to be read.
 */
class Deadline {
  private readonly controller = new AbortController();
  private readonly outer: AbortSignal | undefined;
  private timer: NodeJS.Timeout;
  private readonly forward = () => this.controller.abort();
  expired = false;

  constructor(ms: number, outer: AbortSignal | undefined) {
    this.outer = outer;
    const due = performance.now() + ms;
    this.timer = setTimeout(() => {
      if (performance.now() - due > frozenMs) {
        this.timer = setTimeout(() => this.expire(), frozenMs);
      } else {
        this.expire();
      }
    }, ms);
    outer?.addEventListener('abort', this.forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  private expire(): void {
    this.expired = true;
    this.controller.abort();
  }

  clear(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener('abort', this.forward);
  }
}

/** The vectors in the order of their `index`, which need not be the order of the answer. */
function orderedVectors(answer: unknown, count: number): number[][] {
  const data = isObject(answer) ? answer.data : undefined;
  if (!Array.isArray(data)) {
    throw unusable('The embedding provider answered with something other than a list of embeddings.');
  }
  if (data.length !== count) {
    throw unusable(`The embedding provider returned ${data.length} vectors for ${count} texts.`);
  }
  const vectors = new Map<number, number[]>();
  for (const entry of data as unknown[]) {
    if (!isObject(entry) || !Array.isArray(entry.embedding)) {
      throw unusable('The embedding provider returned an embedding that is not a list of numbers.');
    }
    const { index } = entry;
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= count || vectors.has(index)) {
      throw unusable('The embedding provider returned embeddings whose "index" does not match the texts.');
    }
    vectors.set(index, entry.embedding);
  }
  return [...vectors].sort(([a], [b]) => a - b).map(([, vector]) => vector);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function unusable(message: string): MillraceError {
  return new MillraceError('EMBEDDING_INVALID_RESPONSE', message);
}
