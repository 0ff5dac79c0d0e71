import { type ErrorCode, errorCatalogue, isErrorCode, MillraceError, type Problem } from '@millrace/contracts';
import type { ErrorRequestHandler, Request, RequestHandler } from 'express';
import { ZodError } from 'zod';
import { hasBody } from './jsonBody';
import { answerBeforeTheEnd } from './linger';

/** The problem document (RFC 9457) of a code from the catalogue. */
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

/** The problem that stands on a document or a job, or null where none does. */
export function storedProblem(code: string | null, message: string | null): Problem | null {
  if (code === null) {
    return null;
  }
  return problemOf(isErrorCode(code) ? code : 'INTERNAL', message);
}

/** Gives whatever was thrown while answering a request a code from the catalogue. */
function toKnownError(error: unknown): MillraceError {
  if (error instanceof MillraceError) {
    return error;
  }
  if (error instanceof ZodError) {
    const errors = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    const summary = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    return new MillraceError('REQUEST_INVALID', summary, { cause: error, extra: { errors } });
  }
  return fromFramework(error) ?? new MillraceError('INTERNAL', undefined, { cause: error });
}

/** Errors that Express and its body parser throw name themselves by `type` and `status`. */
function fromFramework(error: unknown): MillraceError | null {
  if (!(error instanceof Error)) {
    return null;
  }
  const { type, status } = error as Error & { type?: string; status?: number };
  if (type === 'entity.parse.failed') {
    return new MillraceError('JSON_MALFORMED', error.message, { cause: error });
  }
  if (type === 'entity.too.large') {
    return new MillraceError('PAYLOAD_TOO_LARGE', error.message, { cause: error });
  }
  return status && status >= 400 && status < 500
    ? new MillraceError('REQUEST_INVALID', error.message, { cause: error })
    : null;
}

/** The last middleware: every error leaves as application/problem+json with its code and the request's id. */
export const answerProblem: ErrorRequestHandler = (thrown, request, response, next) => {
  const error = toKnownError(thrown);
  const problem = problemOf(error.code, error.message, { ...error.extra, request_id: requestIdOf(request) });
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
  if (error.code === 'UNAUTHENTICATED' && !response.hasHeader('WWW-Authenticate')) {
    response.setHeader('WWW-Authenticate', 'Bearer realm="millrace"');
  }
  response.status(problem.status).type('application/problem+json');
  const body = JSON.stringify(problem);
  if (request.complete || !hasBody(request)) {
    response.send(body);
  } else {
    answerBeforeTheEnd(request, response, body);
  }
};

function requestIdOf(request: Request): string {
  return String(request.id);
}

/** For addresses that nothing else has answered. */
export const noSuchAddress: RequestHandler = (request) => {
  throw new MillraceError('NOT_FOUND', `Nothing is at ${request.method} ${request.path}`);
};

/** For an address whose other methods are taken. */
export function onlyMethods(...methods: string[]): RequestHandler {
  return (request, response) => {
    response.setHeader('Allow', methods.join(', '));
    throw new MillraceError('METHOD_NOT_ALLOWED', `${request.method} is not one of ${methods.join(', ')}`);
  };
}
