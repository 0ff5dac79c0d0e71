import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import { MillraceError } from '@millrace/contracts';
import { limitedBody } from './limitedBody';
import { allowedAddresses, checkUrl, type FetchPolicy, portOf } from './policy';

export interface UrlRequest {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** Of a POST. */
  body?: string | Buffer;
  /** The most bytes of the answer, after it is unpacked. */
  maxBytes: number;
  /** The time for everything: looking up, redirects and the whole body. */
  timeoutMs: number;
  /** The media types that are accepted; any when left out. */
  contentTypes?: readonly string[];
  signal?: AbortSignal;
}

/** An answer whose body is still coming. The caller must read the body to its end, or destroy it by leaving the loop. */
export interface OpenAnswer {
  /** The address that answered, after redirects. */
  url: string;
  status: number;
  headers: IncomingHttpHeaders;
  /** Unpacked. It throws the same errors as `openUrl`. */
  body: AsyncIterable<Buffer>;
}

export interface Answer extends Omit<OpenAnswer, 'body'> {
  body: Buffer;
}

const mostRedirects = 5;
const redirects = new Set([301, 302, 303, 307, 308]);
/** What belongs to the first host alone. */
const ownHeaders = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key']);

/** Fetches an address on a user's behalf, as `openUrl` does, and returns the whole answer. */
export async function fetchUrl(policy: FetchPolicy, request: UrlRequest): Promise<Answer> {
  const { body, ...answer } = await openUrl(policy, request);
  const pieces: Buffer[] = [];
  for await (const piece of body) {
    pieces.push(piece);
  }
  return { ...answer, body: Buffer.concat(pieces) };
}

/**
 * Opens an address on a user's behalf. Each name, also of a redirect, is looked up once, and the connection goes to the very
 * address that was checked. A redirect of a POST is an answer like any other.
 * @throws MillraceError URL_INVALID, URL_BLOCKED, URL_UNRESOLVED, URL_UNREACHABLE, URL_TIMEOUT, URL_TOO_LARGE,
 *   URL_TOO_MANY_REDIRECTS or URL_CONTENT_REFUSED
 */
export async function openUrl(policy: FetchPolicy, request: UrlRequest): Promise<OpenAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal ? AbortSignal.any([timeout, request.signal]) : timeout;
  let url = checkUrl(request.url, policy);
  const headers = new Map(Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  for (let count = 0; count <= mostRedirects; count++) {
    const answer = await translated(timeout, () => send(url, policy, request, headers, signal));
    const target = redirectOf(answer, request);
    if (target === undefined) {
      return opened(url, answer, request, timeout);
    }
    answer.destroy();
    const next = checkUrl(target, policy, url);
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw new MillraceError('URL_BLOCKED', 'The address leads from https to http.');
    }
    if (next.origin !== url.origin) {
      for (const name of ownHeaders) {
        headers.delete(name);
      }
    }
    url = next;
  }
  throw new MillraceError('URL_TOO_MANY_REDIRECTS', `The address was redirected more than ${mostRedirects} times.`);
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, { method = 'GET' }: UrlRequest): string | undefined {
  return method === 'GET' && redirects.has(statusCode) ? headers.location : undefined;
}

async function send(
  url: URL,
  policy: FetchPolicy,
  { method = 'GET', body }: UrlRequest,
  headers: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const [address = ''] = await unlessAborted(allowedAddresses(url, policy), signal);
  const options: RequestOptions = {
    method,
    signal,
    // A connection of its own: a kept one could lead to an address that was checked for another name.
    agent: false,
    port: portOf(url),
    headers: {
      'user-agent': 'Millrace',
      accept: '*/*',
      ...Object.fromEntries(headers),
      'accept-encoding': 'gzip, deflate, br',
    },
    // The address is used as it was checked. The name is not looked up again.
    lookup: (_hostname, { all }, callback) => {
      const family = isIPv6(address) ? 6 : 4;
      if (all) {
        callback(null, [{ address, family }]);
      } else {
        callback(null, address, family);
      }
    },
  };
  return new Promise((resolve, reject) => {
    const sent = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, resolve);
    sent.on('error', reject);
    // An answer that changes the protocol (101) ends the connection without an error.
    sent.on('close', () => reject(new Error('The connection was closed without an answer.')));
    sent.end(body);
  });
}

function opened(url: URL, answer: IncomingMessage, request: UrlRequest, timeout: AbortSignal): OpenAnswer {
  const { headers, statusCode: status = 0 } = answer;
  try {
    requireType(headers['content-type'], request);
    const body = limitedBody(answer, request.maxBytes);
    return { url: url.href, status, headers, body: translatedBody(body, timeout) };
  } catch (error) {
    answer.destroy();
    throw error;
  }
}

function requireType(given: string | undefined, { contentTypes }: UrlRequest): void {
  const type = given?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (contentTypes && !contentTypes.includes(type)) {
    throw new MillraceError('URL_CONTENT_REFUSED', `The answer is ${type === '' ? 'of no type' : type.slice(0, 100)}.`);
  }
}

async function* translatedBody(body: AsyncIterable<Buffer>, timeout: AbortSignal): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw toUrlError(error, timeout);
  }
}

async function translated<T>(timeout: AbortSignal, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw toUrlError(error, timeout);
  }
}

function toUrlError(error: unknown, timeout: AbortSignal): unknown {
  if (error instanceof MillraceError) {
    return error;
  }
  if (timeout.aborted) {
    return new MillraceError('URL_TIMEOUT', undefined, { cause: error });
  }
  return new MillraceError('URL_UNREACHABLE', undefined, { cause: error });
}

/** A resolver has no time limit that callers can choose. */
function unlessAborted<T>(action: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) {
      abort();
    }
    action.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
