import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request for embeddings, as the server saw it. */
export interface OpenAiRequest {
  headers: IncomingHttpHeaders;
  model: string;
  input: string[];
  dimensions: number | undefined;
  encodingFormat: string | undefined;
  /** Aborted when the client hangs up before it has the whole answer. */
  hungUp: AbortSignal;
}

/** How one request is answered. */
export type OpenAiReply =
  | 'ok'
  /** This status. The body has an `error.message` unless another one is given. */
  | { status: number; headers?: Record<string, string>; body?: unknown }
  /** Never answers. */
  | { hang: true }
  /** Sends the headers and the beginning of the body, then nothing more. */
  | { hangInBody: true }
  /** Sends the beginning of the body, then closes the connection. */
  | { breakOff: true }
  /** Status 200 with a body that is not JSON. */
  | { garbage: true }
  /** Status 200 with this JSON. */
  | { json: unknown }
  /** Vectors of this length instead of the requested one. */
  | { dimensions: number }
  /** This many vectors fewer than texts. */
  | { tooFew: number }
  /** All vectors in reverse order, each with the right index. */
  | { reversed: true };

export interface OpenAiServerOptions {
  /** When set, requests with another key get status 401. */
  apiKey?: string;
  /** The length of the vectors when the request does not name it. */
  defaultDimensions?: number;
}

export interface OpenAiServer {
  /** For OPENAI_BASE_URL. */
  readonly baseUrl: string;
  /** Every request for embeddings so far, in order of arrival. */
  readonly requests: readonly OpenAiRequest[];
  /** Sets what chooses the answers from now on. `n` is the number of the request, from 1, since the server started. */
  respondWith(choose: (request: OpenAiRequest, n: number) => OpenAiReply | Promise<OpenAiReply>): void;
  /** Answers no request until `release` is called, and then all of them with vectors. */
  holdAnswers(): { release: () => void };
  /** Ends open connections, hanging ones included, and stops listening. */
  close(): Promise<void>;
}

/** Starts a server on a free local port. It speaks OpenAI's embeddings protocol, and has faults on demand. */
export async function startOpenAiServer(options: OpenAiServerOptions = {}): Promise<OpenAiServer> {
  const requests: OpenAiRequest[] = [];
  let choose: Parameters<OpenAiServer['respondWith']>[0] = () => 'ok';

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    if (request.method !== 'POST' || request.url !== '/v1/embeddings') {
      return sendError(response, 404, `Unknown address: ${request.method} ${request.url}`);
    }
    if (options.apiKey !== undefined && request.headers.authorization !== `Bearer ${options.apiKey}`) {
      return sendError(response, 401, 'Incorrect API key provided.');
    }
    const asked = parseRequest(text, request.headers, hangUpOf(response));
    if (!asked) {
      return sendError(response, 400, "'input' and 'model' are needed.");
    }
    requests.push(asked);
    const reply = await choose(asked, requests.length);
    send(response, asked, reply, options.defaultDimensions ?? 1536);
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    respondWith(next) {
      choose = next;
    },
    holdAnswers() {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      choose = async () => {
        await released;
        return 'ok' as const;
      };
      return { release };
    },
    close() {
      return new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
        server.closeAllConnections();
      });
    },
  };
}

/** Returns the server's vector of a text. It has unit length and depends only on the arguments. */
export function openAiVector(text: string, dimensions: number): number[] {
  let state = createHash('sha256').update(text, 'utf8').digest().readUInt32LE(0) || 1;
  const values: number[] = [];
  for (let i = 0; i < dimensions; i++) {
    // Marsaglia's 32-bit xorshift.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values.push((state | 0) / 2 ** 31);
  }
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function send(response: ServerResponse, asked: OpenAiRequest, reply: OpenAiReply, defaultDimensions: number): void {
  if (reply === 'ok') {
    sendJson(response, 200, answerTo(asked, asked.dimensions ?? defaultDimensions));
    return;
  }
  if ('status' in reply) {
    const body = reply.body ?? { error: { message: `Status ${reply.status} on demand`, type: 'test', code: null } };
    sendJson(response, reply.status, body, reply.headers);
    return;
  }
  if ('hang' in reply) {
    return;
  }
  const answer = answerTo(asked, 'dimensions' in reply ? reply.dimensions : (asked.dimensions ?? defaultDimensions));
  if ('hangInBody' in reply || 'breakOff' in reply) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(JSON.stringify(answer).slice(0, 20), () => {
      if ('breakOff' in reply) {
        response.destroy();
      }
    });
  } else if ('garbage' in reply) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"data": [<html>');
  } else if ('json' in reply) {
    sendJson(response, 200, reply.json);
  } else if ('tooFew' in reply) {
    sendJson(response, 200, { ...answer, data: answer.data.slice(0, Math.max(0, answer.data.length - reply.tooFew)) });
  } else if ('reversed' in reply) {
    sendJson(response, 200, { ...answer, data: answer.data.reverse() });
  } else {
    sendJson(response, 200, answer);
  }
}

function answerTo(asked: OpenAiRequest, dimensions: number) {
  const tokens = asked.input.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  return {
    object: 'list',
    data: asked.input.map((text, index) => {
      const vector = openAiVector(text, dimensions);
      const embedding =
        asked.encodingFormat === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector;
      return { object: 'embedding', index, embedding };
    }),
    model: asked.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

/** Returns a signal that aborts when the connection closes before the response has ended. */
function hangUpOf(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) {
      controller.abort();
    }
  });
  return controller.signal;
}

function parseRequest(text: string, headers: IncomingHttpHeaders, hungUp: AbortSignal): OpenAiRequest | undefined {
  const body = JSON.parse(text) as Record<string, unknown>;
  const input = typeof body.input === 'string' ? [body.input] : body.input;
  if (typeof body.model !== 'string' || !Array.isArray(input) || input.length === 0) {
    return undefined;
  }
  return {
    headers,
    model: body.model,
    input: input.map(String),
    dimensions: typeof body.dimensions === 'number' ? body.dimensions : undefined,
    encodingFormat: typeof body.encoding_format === 'string' ? body.encoding_format : undefined,
    hungUp,
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) {
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

function sendError(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: { message, type: 'invalid_request_error', code: null } });
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
}
