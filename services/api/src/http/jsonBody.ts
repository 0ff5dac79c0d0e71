import type { IncomingMessage } from 'node:http';
import { MillraceError } from '@millrace/contracts';
import { json, type NextFunction, type Request, type Response } from 'express';

const readSmall = json({ limit: '256kb' });
/** Ten thousand ids fit in. */
const readLarge = json({ limit: '512kb' });

/** Reads a JSON body, which must be there. */
export function jsonBody(request: Request, response: Response, next: NextFunction): void {
  requireJson(request);
  readSmall(request, response, next);
}

/** Reads a JSON body; none at all counts as an empty object. */
export function optionalJsonBody(request: Request, response: Response, next: NextFunction): void {
  if (!hasBody(request)) {
    request.body = {};
    next();
    return;
  }
  requireJson(request);
  readLarge(request, response, next);
}

/** Without this a body of another type would be taken for no body at all, and the answer would not say why. */
function requireJson(request: Request): void {
  if (!request.is('application/json')) {
    throw new MillraceError('REQUEST_INVALID', 'Send a JSON body with Content-Type: application/json', {
      extra: { errors: [{ path: '', message: 'The body must be application/json' }] },
    });
  }
}

/** Whether the request's head announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
