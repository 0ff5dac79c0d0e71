import { type ErrorCode, MillraceError } from '@millrace/contracts';
import { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import { errorCodeOf } from '../errorCode';

/** A provider may name a date years ahead; nothing may wait longer than this before it is looked at again. */
const longestWaitMs = 3_600_000;
const longestDetail = 500;

/**
 * What a failed request means. The SDK's error itself is not passed on as a cause: it holds the provider's words
 * unredacted, and those may repeat the API key.
 */
export function openaiFailure(error: unknown, apiKey: string | undefined): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  if (error instanceof APIConnectionTimeoutError) {
    return new MillraceError('EMBEDDING_TIMEOUT', 'The embedding provider cannot be reached in time.');
  }
  if (error instanceof APIConnectionError) {
    return new MillraceError('EMBEDDING_UNAVAILABLE', `The embedding provider cannot be reached${reason(error)}.`);
  }
  if (error instanceof APIError && typeof error.status === 'number') {
    const detail = redact(error.message, apiKey);
    return new MillraceError(codeFor(error.status), `The embedding provider answered: ${detail}`, {
      retryAfterMs: retryAfterMs(error.headers, Date.now()),
    });
  }
  if (isSyntaxError(error)) {
    return new MillraceError('EMBEDDING_INVALID_RESPONSE', 'The embedding provider answered with broken JSON.');
  }
  // What is left is fetch breaking off in the middle of the body.
  return new MillraceError('EMBEDDING_UNAVAILABLE', `The embedding provider broke off its answer${reason(error)}.`);
}

function isSyntaxError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'SyntaxError';
}

function codeFor(status: number): ErrorCode {
  if (status === 429) {
    // "insufficient_quota" too: topping up the account mends it without a change here, so it is worth trying again.
    return 'EMBEDDING_RATE_LIMITED';
  }
  if (status === 408 || status === 504) {
    return 'EMBEDDING_TIMEOUT';
  }
  if (status === 409 || status >= 500) {
    return 'EMBEDDING_UNAVAILABLE';
  }
  return 'EMBEDDING_REJECTED';
}

/**
 * Milliseconds to wait by the headers `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date (RFC 9110);
 * undefined when there is neither. At most an hour.
 */
export function retryAfterMs(headers: Headers | undefined, now: number): number | undefined {
  const milliseconds = numberOf(headers?.get('retry-after-ms'));
  if (milliseconds !== undefined) {
    return Math.min(milliseconds, longestWaitMs);
  }
  const value = headers?.get('retry-after');
  const seconds = numberOf(value);
  if (seconds !== undefined) {
    return Math.min(seconds * 1000, longestWaitMs);
  }
  const date = value ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - now, 0), longestWaitMs);
}

function numberOf(value: string | null | undefined): number | undefined {
  return value && /^\s*\d+(\.\d+)?\s*$/.test(value) ? Math.ceil(Number(value)) : undefined;
}

/** " (ECONNREFUSED)": the system's word for it. Messages are left out, as they may hold the address with a password. */
function reason(error: unknown): string {
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

/** Some providers repeat the key they were given, whole or in part ("Incorrect API key provided: sk-ab**yz"). */
function redact(message: string, apiKey: string | undefined): string {
  const withoutKey = apiKey ? message.replaceAll(apiKey, '[key]') : message;
  return withoutKey.replace(/\bsk-[\w*-]{4,}/g, '[key]').slice(0, longestDetail);
}
