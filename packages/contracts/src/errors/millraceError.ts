import { cleanText } from '../text';
import { type ErrorCode, errorCatalogue } from './catalogue';

export interface MillraceErrorOptions {
  cause?: unknown;
  /** How long to wait before trying again, in milliseconds (from Retry-After, for example). */
  retryAfterMs?: number;
  /** Further members for the problem document, such as `errors` or `limit`. */
  extra?: Record<string, unknown>;
}

/** An error with a code from the catalogue. `message` says what happened in this case, for people. */
export class MillraceError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly extra: Record<string, unknown>;

  constructor(code: ErrorCode, message?: string, options: MillraceErrorOptions = {}) {
    // The message may be somebody else's words, and is stored: a NUL in it would make PostgreSQL refuse the whole record.
    super(cleanText(message ?? errorCatalogue[code].title), { cause: options.cause });
    this.name = 'MillraceError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.extra = options.extra ?? {};
  }

  get retryable(): boolean {
    return errorCatalogue[this.code].retryable;
  }
}

/** Gives any thrown value a code: a MillraceError keeps its own, anything else becomes `fallback`. */
export function toMillraceError(error: unknown, fallback: ErrorCode = 'INTERNAL'): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  const message = error instanceof Error ? error.message : String(error);
  return new MillraceError(fallback, message, { cause: error });
}
