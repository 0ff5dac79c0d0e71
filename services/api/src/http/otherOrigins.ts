import cors from 'cors';
import type { RequestHandler } from 'express';

/**
 * Lets pages of these origins call the API (CORS). They must send a key or a token: the browser sends them no cookie of this
 * API along, and none is asked for.
 */
export function otherOrigins(origins: readonly string[]): RequestHandler {
  return cors({
    origin: [...origins],
    credentials: false,
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: ['Location', 'Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id'],
    maxAge: 600,
  });
}
