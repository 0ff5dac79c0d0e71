import { MillraceError } from '@millrace/contracts';
import { ApiKeys, type Database, type KeyHolder } from '@millrace/database';
import type { Request } from 'express';
import type { RateClass } from '../http/endpoint';
import { storedKey } from './apiKeys';
import type { Principal } from './principal';

/** Finds out who makes a request, and counts the request. @throws MillraceError UNAUTHENTICATED or TOO_MANY_REQUESTS */
export type Authenticate = (request: Request, rateClass: RateClass) => Promise<Principal>;

function bearerOrHeader(request: Request): string | undefined {
  const [scheme, value] = (request.get('authorization') ?? '').split(' ');
  return scheme?.toLowerCase() === 'bearer' ? value : request.get('x-api-key');
}

/** How long a key that was in force is known to be so while the database is away. */
const rememberedMs = 600_000;
const mostRemembered = 1_000;

/**
 * Finds the holders of API keys. Each request asks the database, so that a revoked key or a disabled user is refused at once.
 * While the database is away, keys that were in force a moment ago still open what needs no database, such as the metrics.
 */
export class KeyAuthentication {
  private readonly keys: ApiKeys;
  private readonly remembered = new Map<string, { principal: Principal; at: number }>();

  constructor(private readonly database: Database) {
    // It does not wait for an unreachable server.
    this.keys = new ApiKeys(database.probe);
  }

  /** @throws MillraceError UNAUTHENTICATED, and the database's errors for a key that is not remembered */
  async find(key: string | undefined): Promise<Principal> {
    if (!key) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    const { keyHash } = storedKey(key);
    const principal = await this.look(keyHash);
    if (!principal) {
      this.remembered.delete(keyHash);
      throw new MillraceError('UNAUTHENTICATED');
    }
    return principal;
  }

  private async look(keyHash: string): Promise<Principal | null> {
    try {
      return this.remember(keyHash, await this.keys.findHolder(keyHash));
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE')) {
        throw error;
      }
      const known = this.remembered.get(keyHash);
      return known && known.at > Date.now() - rememberedMs
        ? known.principal
        : this.remember(keyHash, await this.database.apiKeys.findHolder(keyHash));
    }
  }

  private remember(keyHash: string, holder: KeyHolder | null): Principal | null {
    if (!holder) {
      return null;
    }
    const { keyId, scopes, collectionIds, ...user } = holder;
    const principal: Principal = {
      kind: 'api-key',
      id: keyId,
      ...user,
      scopes: new Set(scopes),
      collectionIds: collectionIds && new Set(collectionIds),
    };
    this.remembered.delete(keyHash);
    this.remembered.set(keyHash, { principal, at: Date.now() });
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > mostRemembered && oldest !== undefined) {
      this.remembered.delete(oldest);
    }
    return principal;
  }
}

/** Accepts an API key as "Authorization: Bearer KEY" or "X-API-Key: KEY". */
export function authentication(keys: KeyAuthentication, database: Database): Authenticate {
  return async (request) => {
    const principal = await keys.find(bearerOrHeader(request));
    noteUse(database, principal);
    return principal;
  };
}

/** Records the use of a key. The request does not wait for it, and does not fail with it. */
function noteUse(database: Database, { id }: Principal): void {
  database.apiKeys.noteUse(id).catch(() => undefined);
}
