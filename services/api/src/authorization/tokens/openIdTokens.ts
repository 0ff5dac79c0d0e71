import { MillraceError } from '@millrace/contracts';
import type { SignInHolder } from '@millrace/database';
import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { OutsideUsers } from '../outsideUsers';
import { clockTolerance, refuseInvalid } from './accessTokens';
import { type ClaimNames, type OutsideClaims, readClaims } from './outsideClaims';

/** Asymmetric algorithms alone: with a shared secret, whoever can check a token can make one. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
const timeoutMs = 5_000;
/** After a fetch of the provider's keys, an unknown key makes no other fetch for this time. */
const cooldownMs = 5_000;

export interface OpenIdOptions {
  issuer: string;
  audience: string;
  /** Without it, the provider's discovery document names it. */
  jwksUrl: string | undefined;
  claims: ClaimNames;
}

/** Tokens of an outside OpenID provider. */
export class OpenIdTokens {
  private keys: Promise<JWTVerifyGetKey> | undefined;

  constructor(
    private readonly options: OpenIdOptions,
    private readonly users: OutsideUsers,
  ) {}

  get issuer(): string {
    return this.options.issuer;
  }

  /** @throws MillraceError UNAUTHENTICATED, TOKEN_EXPIRED or IDENTITY_PROVIDER_UNAVAILABLE */
  async verify(token: string): Promise<OutsideClaims> {
    const { issuer, audience, claims } = this.options;
    const payload = await refuseInvalid(this.verifySignature(token, { issuer, audience }));
    return readClaims(payload, issuer, claims);
  }

  /** Finds the user of the claims, and makes it at first sight. @throws MillraceError FORBIDDEN when its e-mail is taken */
  findUser(claims: OutsideClaims): Promise<SignInHolder | null> {
    return this.users.find(claims);
  }

  private async verifySignature(token: string, expected: { issuer: string; audience: string }): Promise<JWTPayload> {
    const keys = await this.sharedKeys();
    try {
      const requiredClaims = ['sub', 'iat', 'exp'];
      return (await jwtVerify(token, keys, { ...expected, algorithms, clockTolerance, requiredClaims })).payload;
    } catch (error) {
      throw isFetchError(error) ? unavailable(error) : error;
    }
  }

  /** Finds the keys once for all requests. After a failure it is tried again, but not by each request: anybody can send one. */
  private sharedKeys(): Promise<JWTVerifyGetKey> {
    if (this.keys === undefined) {
      const found = this.findKeys();
      found.catch(() => {
        setTimeout(() => {
          this.keys = undefined;
        }, cooldownMs).unref();
      });
      this.keys = found;
    }
    return this.keys;
  }

  private async findKeys(): Promise<JWTVerifyGetKey> {
    const url = this.options.jwksUrl ?? (await this.discover());
    return createRemoteJWKSet(new URL(url), { timeoutDuration: timeoutMs, cooldownDuration: cooldownMs });
  }

  /** Reads the address of the keys in the provider's discovery document. */
  private async discover(): Promise<string> {
    const { issuer } = this.options;
    const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    let document: { issuer?: unknown; jwks_uri?: unknown };
    try {
      const response = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
      document = (await response.json()) as typeof document;
    } catch (error) {
      throw unavailable(error);
    }
    if (document.issuer !== issuer || typeof document.jwks_uri !== 'string') {
      throw unavailable(new Error(`${address} is not the discovery document of ${issuer}.`));
    }
    return document.jwks_uri;
  }
}

/** True when the keys could not be fetched, which says nothing about the token. */
function isFetchError(error: unknown): boolean {
  const { name, code, cause } = error as { name?: unknown; code?: unknown; cause?: unknown };
  // The library throws its plain error for an answer that is not 200, and passes on the TypeError of fetch, which has a cause.
  const fetchCodes: unknown[] = [errors.JOSEError.code, errors.JWKSTimeout.code, errors.JWKSInvalid.code];
  return fetchCodes.includes(code) || (name === 'TypeError' && cause !== undefined);
}

function unavailable(cause: unknown): MillraceError {
  return new MillraceError('IDENTITY_PROVIDER_UNAVAILABLE', undefined, { cause });
}
