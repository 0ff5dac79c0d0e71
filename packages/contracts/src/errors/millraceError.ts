import { cleanText } from '../text';
import { type ErrorCode, errorCatalogue } from './catalogue';

export interface MillraceErrorOptions {
  cause?: unknown;
  /** How long to wait before the next attempt, in milliseconds. */
  retryAfterMs?: number;
  /** Further members of the problem document, such as `errors` or `limit`. */
  extra?: Record<string, unknown>;
}

/** An error with a code from the catalogue. The message says what happened in this case. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly extra: Record<string, unknown>;

  constructor(code: ErrorCode, message?: string, options: MillraceErrorOptions = {}) {
    // The message may hold the words of another program, and is stored. PostgreSQL would refuse a NUL in it.
    super(cleanText(message ?? `${errorCatalogue[code].title}.`), { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.extra = options.extra ?? {};
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** Gives any thrown value a code. A MillraceError keeps its own, every other value gets `fallback`. */
export function toMillraceError(error: unknown, fallback: ErrorCode = 'INTERNAL'): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new MillraceError(fallback, message, { cause: error });
}
