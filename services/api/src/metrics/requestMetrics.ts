import { Histogram, type Registry } from '@millrace/telemetry';
import type { RequestHandler, Response } from 'express';

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Names the route of a request for the metrics: the path of its endpoint, with the names of its parameters. */
export function nameRoute(response: Response, path: string): void {
  response.locals.route = path;
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
  return (request, response, next) => {
    const stopTimer = seconds.startTimer();
    response.once('close', () => {
      stopTimer({
        method: knownMethods.has(request.method) ? request.method : 'other',
        route: response.locals.route ?? 'other',
        status: response.writableFinished ? String(response.statusCode) : 'aborted',
      });
    });
    next();
  };
}
