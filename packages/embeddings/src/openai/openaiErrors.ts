import { asSentence, type ErrorCode, MillraceError } from '@millrace/contracts';
import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { errorCodeOf } from '../errorCode';

/** The longest wait that is accepted from a provider, which may name a date years ahead. */
const longestWaitMs = 3_600_000;
/** In characters. */
const longestDetail = 500;

/**
 * Translates the error of a failed request. Does not keep the SDK's error as the cause, because it holds the provider's
 * words, and these may contain the API key.
 */
export function translateOpenaiError(error: unknown, apiKey: string | undefined): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  if (error instanceof APIConnectionTimeoutError) {
    return new MillraceError('EMBEDDING_TIMEOUT', 'The connection to the embedding provider timed out.');
  }
  if (error instanceof APIConnectionError) {
    return new MillraceError('EMBEDDING_UNAVAILABLE', `The embedding provider cannot be reached${systemCode(error)}.`);
  }
  if (error instanceof APIError && typeof error.status === 'number') {
    const detail = redact(error.message, apiKey);
    return new MillraceError(codeFor(error.status, detail), `The embedding provider answered: ${asSentence(detail)}`, {
      retryAfterMs: retryAfterMs(error.headers, Date.now()),
    });
  }
  if (isSyntaxError(error)) {
    return new MillraceError('EMBEDDING_INVALID_RESPONSE', 'The embedding provider answered with broken JSON.');
  }
  // The only remaining case: the connection broke in the middle of the body.
  return new MillraceError('EMBEDDING_UNAVAILABLE', `The embedding provider broke off its answer${systemCode(error)}.`);
}

/**
 * Returns the most texts in one request, as far as the error says so. Returns half of `given` when the request was too large
 * without such a number, and null when something else was wrong.
 */
export function smallerBatch(error: unknown, given: number): { size: number; isLasting: boolean } | null {
  if (!(error instanceof APIError) || given < 2 || ![400, 413, 422].includes(Number(error.status))) {
    return null;
  }
  const half = Math.ceil(given / 2);
  if (/batch size|array too long|too many (inputs|texts)/i.test(error.message)) {
    // TEI: "batch size 64 > maximum allowed batch size 32". OpenAI: "array too long. Expected ... maximum length 2048".
    const named = Number(/(?:maximum|larger than|at most|exceed)\D*(\d+)/i.exec(error.message)?.[1] ?? half);
    return { size: named > 0 && named < given ? named : half, isLasting: true };
  }
  // TEI also answers 413 to one text with too many tokens, which dividing would not help.
  return error.status === 413 && !/token|context length/i.test(error.message) ? { size: half, isLasting: false } : null;
}

/** Compares by name, because an error of another realm is not an instance of this realm's SyntaxError. */
function isSyntaxError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'SyntaxError';
}

function codeFor(status: number, detail: string): ErrorCode {
  if (status === 429) {
    // This includes "insufficient_quota": once the account has credit, the same request succeeds.
    return 'EMBEDDING_RATE_LIMITED';
  }
  if (status === 408 || status === 504) {
    return 'EMBEDDING_TIMEOUT';
  }
  if (status >= 500 && /unsupported value: [+-]?(nan|inf)/i.test(detail)) {
    // Ollama made a vector with such a number, which its JSON cannot hold. It is the text's fault.
    return 'EMBEDDING_INVALID_RESPONSE';
  }
  // TEI answers 424 when its model has failed.
  if (status === 409 || status === 424 || status >= 500) {
    return 'EMBEDDING_UNAVAILABLE';
  }
  return 'EMBEDDING_REJECTED';
}

/**
 * Returns the milliseconds to wait, at most an hour: from `retry-after-ms`, otherwise from `Retry-After` in seconds or
 * as an HTTP date (RFC 9110). Returns undefined when the headers name no time.
 */
export function retryAfterMs(headers: Headers | undefined, now: number): number | undefined {
  const milliseconds = parseNumber(headers?.get('retry-after-ms'));
  if (milliseconds !== undefined) {
    return Math.min(milliseconds, longestWaitMs);
  }
  const value = headers?.get('retry-after');
  const seconds = parseNumber(value);
  if (seconds !== undefined) {
    return Math.min(seconds * 1000, longestWaitMs);
  }
  const date = value ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), longestWaitMs);
}

function parseNumber(value: string | null | undefined): number | undefined {
  return value && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Math.ceil(Number(value)) : undefined;
}

/**
 * Returns the system's error code as " (ECONNREFUSED)". Messages are left out: they may hold an address with a
 * password.
 */
function systemCode(error: unknown): string {
  let cause = error;
  while (typeof cause === 'object' && cause !== null) {
    const code = errorCodeOf(cause);
    if (code !== undefined) {
      return ` (${code})`;
    }
    cause = 'cause' in cause ? cause.cause : undefined;
  }
  return '';
}

/** Removes the API key, which some providers repeat in whole or in part ("Incorrect API key provided: sk-ab**yz"). */
function redact(message: string, apiKey: string | undefined): string {
  const withoutKey = apiKey ? message.replaceAll(apiKey, '[key]') : message;
  return withoutKey.replace(/\bsk-[\w*-]{4,}/g, '[key]').slice(0, longestDetail);
}
