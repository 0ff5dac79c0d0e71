import { MillraceError } from '@millrace/contracts';
import { ApiKeys, type Database, type KeyHolder, type SignInHolder, SignIns } from '@millrace/database';
import { storedKey } from './apiKeys';
import type { Principal } from './principal';
import { type AccessTokens, issuerOf, ownIssuer } from './tokens/accessTokens';
import type { OpenIdTokens } from './tokens/openIdTokens';

/** How long a principal is known while the database is away. */
const rememberedMs = 600_000;
const mostRemembered = 1_000;

/**
 * Finds who a credential belongs to: an API key, an access token, or a token of the outside provider. Each request asks the database,
 * so that a revoked key, an ended sign-in, a disabled user or another role counts at once. While the database is away,
 * keys and tokens that were in force a moment ago still open what needs no database, such as the metrics.
 */
export class Credentials {
  private readonly keys: ApiKeys;
  private readonly signIns: SignIns;
  private readonly remembered = new Map<string, { principal: Principal; at: number }>();

  constructor(
    private readonly database: Database,
    private readonly tokens: AccessTokens,
    private readonly openId: OpenIdTokens | null,
  ) {
    // They do not wait for an unreachable server.
    this.keys = new ApiKeys(database.probe);
    this.signIns = new SignIns(database.probe);
  }

  /** @throws MillraceError UNAUTHENTICATED or TOKEN_EXPIRED, and the database's errors for what is not remembered */
  async find(credential: string | undefined): Promise<Principal> {
    if (!credential) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    const principal = await this.look(credential);
    if (!principal) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    return principal;
  }

  private async look(credential: string): Promise<Principal | null> {
    const issuer = issuerOf(credential);
    if (issuer === ownIssuer) {
      const { signInId, userId } = await this.tokens.verify(credential);
      const find = (signIns: SignIns) => signIns.findHolder(signInId, userId);
      const read = async (signIns: SignIns) => asPrincipal(await find(signIns));
      return this.remember(
        `sign-in ${signInId}`,
        () => read(this.signIns),
        () => read(this.database.signIns),
      );
    }
    if (issuer !== null && issuer === this.openId?.issuer) {
      const { openId } = this;
      const claims = await openId.verify(credential);
      const find = async () => asPrincipal(await openId.findUser(claims));
      return this.remember(`subject ${claims.subject}`, find, find);
    }
    const { keyHash } = storedKey(credential);
    const read = async (keys: ApiKeys) => keyPrincipal(await keys.findHolder(keyHash));
    return this.remember(
      `key ${keyHash}`,
      () => read(this.keys),
      () => read(this.database.apiKeys),
    );
  }

  /** Asks the database without waiting; while it is away, falls back on what is remembered, and otherwise waits for it. */
  private async remember(
    name: string,
    ask: () => Promise<Principal | null>,
    wait: () => Promise<Principal | null>,
  ): Promise<Principal | null> {
    try {
      return this.keep(name, await ask());
    } catch (error) {
      if (!(error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE')) {
        throw error;
      }
      const known = this.remembered.get(name);
      return known && known.at > Date.now() - rememberedMs ? known.principal : this.keep(name, await wait());
    }
  }

  private keep(name: string, principal: Principal | null): Principal | null {
    this.remembered.delete(name);
    if (principal === null) {
      return null;
    }
    this.remembered.set(name, { principal, at: Date.now() });
    const [oldest] = this.remembered.keys();
    if (this.remembered.size > mostRemembered && oldest !== undefined) {
      this.remembered.delete(oldest);
    }
    return principal;
  }
}

/** Makes the principal of a user who has signed in. */
export function principalOfUser({ userId, role, defaultCollectionId }: SignInHolder): Principal {
  const limits = { scopes: null, collectionIds: null, expiresAt: null };
  return { kind: 'user', id: userId, userId, role, defaultCollectionId, ...limits };
}

function asPrincipal(holder: SignInHolder | null): Principal | null {
  return holder && principalOfUser(holder);
}

function keyPrincipal(holder: KeyHolder | null): Principal | null {
  if (!holder) {
    return null;
  }
  const { keyId, scopes, collectionIds, ...user } = holder;
  return {
    kind: 'api-key',
    id: keyId,
    ...user,
    scopes: new Set(scopes),
    collectionIds: collectionIds && new Set(collectionIds),
  };
}
