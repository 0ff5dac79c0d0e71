import type { Database } from '@millrace/database';
import type { Request } from 'express';
import type { RateClass } from '../http/endpoint';
import type { Credentials } from './credentials';
import { KeyUses } from './keyUses';
import type { Principal } from './principal';

/** Finds out who makes a request, and counts the request. @throws MillraceError UNAUTHENTICATED, TOKEN_EXPIRED or TOO_MANY_REQUESTS */
export type Authenticate = (request: Request, rateClass: RateClass) => Promise<Principal>;

function bearerOrHeader(request: Request): string | undefined {
  const [scheme, value] = (request.get('authorization') ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' ? value : request.get('x-api-key');
}

/** Accepts an access token or an API key as "Authorization: Bearer KEY" or "X-API-Key: KEY". */
export function authentication(credentials: Credentials, database: Database): Authenticate {
  const uses = new KeyUses(database.apiKeys);
  return async (request) => {
    const principal = await credentials.find(bearerOrHeader(request));
    void uses.note(principal);
    return principal;
  };
}
