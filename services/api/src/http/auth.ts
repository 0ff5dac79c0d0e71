import { createHash, timingSafeEqual } from 'node:crypto';
import { MillraceError } from '@millrace/contracts';
import type { Request, RequestHandler } from 'express';
import type { Principal } from '../access';

/** Finds out who makes a request. @throws MillraceError UNAUTHENTICATED */
export type Authenticate = (request: Request) => Principal;

const digest = (text: string) => createHash('sha256').update(text).digest();

/** Compares digests of equal length. The time that it takes does not tell how much of the key was right. */
function sameKey(given: string, key: string): boolean {
  return timingSafeEqual(digest(given), digest(key));
}

function bearerOrHeader(request: Request): string | undefined {
  const [scheme, value] = (request.get('authorization') ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' ? value : request.get('x-api-key');
}

function basicPassword(request: Request): string | undefined {
  const [scheme, value = ''] = (request.get('authorization') ?? '').split(' ');
  if (scheme?.toLowerCase() !== 'basic') {
    return undefined;
  }
  const decoded = Buffer.from(value, 'base64').toString('utf8');
  return decoded.slice(decoded.indexOf(':') + 1);
}

/** Accepts the key as "Authorization: Bearer KEY" or "X-API-Key: KEY". */
export function keyAuthentication(key: string): Authenticate {
  return (request) => {
    const given = bearerOrHeader(request);
    if (given === undefined || !sameKey(given, key)) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    return { kind: 'api-key' };
  };
}

/**
 * Protects the pages that a person opens in a browser. They also accept HTTP Basic, with any user name and the key as
 * the password. A browser sends Basic credentials even with requests that another site makes. Therefore the API does
 * not accept them, and a page accepts a request that changes something only from its own origin.
 */
export function requireKeyInBrowser(key: string): RequestHandler {
  return (request, response, next) => {
    const given = bearerOrHeader(request) ?? basicPassword(request);
    if (given === undefined || !sameKey(given, key)) {
      response.set('WWW-Authenticate', 'Basic realm="millrace", charset="UTF-8"');
      throw new MillraceError('UNAUTHENTICATED', 'Log in with any user name and the API key as the password.');
    }
    const site = request.get('sec-fetch-site');
    if (request.method !== 'GET' && site !== undefined && site !== 'same-origin') {
      throw new MillraceError('CROSS_SITE');
    }
    next();
  };
}
