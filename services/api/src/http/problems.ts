import {
  asSentence,
  type ErrorCode,
  errorCatalogue,
  isErrorCode,
  MillraceError,
  type Problem,
} from '@millrace/contracts';
import { namesMissingUser } from '@millrace/database';
import type { ErrorRequestHandler, RequestHandler } from 'express';
import { ZodError } from 'zod';
import type { Authenticate } from '../authorization/authentication';
import { nameProblem } from '../metrics/requestMetrics';
import { answerEarly } from './answerEarly';
import { hasBody } from './hasBody';

/** Makes the problem document (RFC 9457) of a code. */
export function problemOf(code: ErrorCode, detail: string | null, extra: Partial<Problem> = {}): Problem {
  const { status, title, retryable, advice } = errorCatalogue[code];
  return {
    type: `urn:millrace:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail: detail ?? title,
    code,
    retryable,
    advice,
    ...extra,
  };
}

/** Makes the problem document of a stored error, or null without an error. */
export function storedProblem(code: string | null, message: string | null): Problem | null {
  if (code === null) {
    return null;
  }
  return problemOf(isErrorCode(code) ? code : 'INTERNAL', message);
}

/** Gives an error that was thrown during a request a code of the catalogue. */
function toKnownError(error: unknown): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  if (error instanceof ZodError) {
    const errors = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    const summary = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    return new MillraceError('REQUEST_INVALID', asSentence(summary), { cause: error, extra: { errors } });
  }
  if (namesMissingUser(error)) {
    // Other users than its own are kept from being deleted by the transaction that names them.
    const message = 'The user who makes the request was deleted during it.';
    return new MillraceError('UNAUTHENTICATED', message, { cause: error });
  }
  return fromFramework(error) ?? new MillraceError('INTERNAL', undefined, { cause: error });
}

/** Translates an error of Express or its body parser, which have a `type` or a `status`. */
function fromFramework(error: unknown): MillraceError | null {
  if (!(error instanceof Error)) {
    return null;
  }
  const { type, status } = error as Error & { type?: string; status?: number };
  if (type === 'entity.parse.failed') {
    return new MillraceError('JSON_MALFORMED', asSentence(error.message), { cause: error });
  }
  if (type === 'entity.too.large') {
    return new MillraceError('PAYLOAD_TOO_LARGE', asSentence(error.message), { cause: error });
  }
  return status && status >= 400 && status < 500
    ? new MillraceError('REQUEST_INVALID', asSentence(error.message), { cause: error })
    : null;
}

/** The last middleware. It answers every error with a problem document that has a code and the id of the request. */
export const answerProblem: ErrorRequestHandler = (thrown, request, response, next) => {
  const error = toKnownError(thrown);
  const problem = problemOf(error.code, error.message, { ...error.extra, request_id: String(request.id) });
  nameProblem(response, error.code);
  if (problem.status >= 500) {
    request.log.error({ err: error.cause ?? error, code: error.code }, 'a request failed');
  }
  if (response.headersSent) {
    next(error);
    return;
  }
  if (error.retryAfterMs !== undefined) {
    response.setHeader('Retry-After', Math.ceil(error.retryAfterMs / 1000));
  }
  if ((error.code === 'UNAUTHENTICATED' || error.code === 'TOKEN_EXPIRED') && !response.hasHeader('WWW-Authenticate')) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="millrace"');
  }
  response.status(problem.status).type('application/problem+json');
  const body = JSON.stringify(problem);
  if (request.complete || !hasBody(request)) {
    response.send(body);
  } else {
    answerEarly(request, response, body);
  }
};

/** Answers requests for unknown addresses. Without a valid key the answer does not tell which addresses exist. */
export function unknownAddress(authenticate: Authenticate): RequestHandler {
  return async (request) => {
    await authenticate(request, 'read');
    throw new MillraceError('NOT_FOUND', `There is nothing at ${request.method} ${request.path}.`);
  };
}

/**
 * Answers requests whose address cannot be decoded ("%zz") as `unknownAddress` does. Express decodes the parameters of a
 * path before the endpoint asks who makes the request.
 */
export function undecodableAddress(authenticate: Authenticate): ErrorRequestHandler {
  return async (error, request, _response, next) => {
    if (error instanceof URIError) {
      await authenticate(request, 'read');
    }
    next(error);
  };
}
