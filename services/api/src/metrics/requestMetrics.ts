import type { ErrorCode } from '@millrace/contracts';
import { Counter, Histogram, type Registry } from '@millrace/telemetry';
import type { RequestHandler, Response } from 'express';

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Names the route of a request for the metrics: the path of its endpoint, with the names of its parameters. */
export function nameRoute(response: Response, path: string): void {
  response.locals.route = path;
}

/** Refusals that an attack, or a client that is set up wrongly, makes many of. */
const refusals: ReadonlySet<ErrorCode> = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'CROSS_SITE', 'TOO_MANY_REQUESTS']);

/** Names the error that a request is answered with for the metrics. */
export function nameProblem(response: Response, code: ErrorCode): void {
  response.locals.problem = code;
}

/**
 * Makes the middleware that measures requests, by method, route and status. Addresses that are no endpoint share the route
 * "other", so that a client cannot make labels. The status of a request whose client left before the answer is "aborted".
 */
export function requestMetrics(registry: Registry): RequestHandler {
  const seconds = new Histogram({
    name: 'millrace_http_request_seconds',
    help: 'Time from the head of a request to the end of its answer, by method, route and status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10, 60],
    registers: [registry],
  });
  const refused = new Counter({
    name: 'millrace_http_requests_refused_total',
    help: 'Requests that were refused for who made them or how many there were, by error code',
    labelNames: ['code'],
    registers: [registry],
  });
  return (request, response, next) => {
    const stopTimer = seconds.startTimer();
    response.once('close', () => {
      const { problem } = response.locals;
      if (refusals.has(problem)) {
        refused.inc({ code: problem });
      }
      stopTimer({
        method: knownMethods.has(request.method) ? request.method : 'other',
        route: response.locals.route ?? 'other',
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      });
    });
    next();
  };
}
