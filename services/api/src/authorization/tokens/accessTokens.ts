import { isId, MillraceError, newId } from '@millrace/contracts';
import { decodeJwt, errors, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose';
import { type SigningKeys, signingAlgorithm } from './signingKeys';

/** The issuer of our own tokens. That of an outside provider is an address, so the two differ. */
export const ownIssuer = 'millrace';
const audience = 'millrace';
/** The type of access tokens (RFC 9068). */
const type = 'at+jwt';
/** How far the clocks of two machines may differ, in seconds. */
export const clockTolerance = 5;

/** What an access token says: who has signed in, and with which sign-in. */
export interface AccessClaims {
  userId: string;
  signInId: string;
}

/** Access tokens: JWTs that are signed with EdDSA. Who has one is still looked up at each request. */
export class AccessTokens {
  constructor(
    private readonly keys: SigningKeys,
    readonly lifetimeMs: number,
  ) {}

  async issue({ userId, signInId }: AccessClaims): Promise<string> {
    const { id, key } = await this.keys.current();
    const seconds = Math.floor(Date.now() / 1000);
    return new SignJWT({ sid: signInId })
      .setProtectedHeader({ alg: signingAlgorithm, typ: type, kid: id })
      .setIssuer(ownIssuer)
      .setAudience(audience)
      .setSubject(userId)
      .setJti(newId())
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + Math.floor(this.lifetimeMs / 1000))
      .sign(key);
  }

  /** @throws MillraceError UNAUTHENTICATED or TOKEN_EXPIRED, and the database's errors while its key is not known */
  async verify(token: string): Promise<AccessClaims> {
    const keyOf: JWTVerifyGetKey = async ({ kid }) => {
      const key = typeof kid === 'string' ? await this.keys.verifierOf(kid) : null;
      if (!key) {
        throw new MillraceError('UNAUTHENTICATED', 'The token is signed with an unknown key.');
      }
      return key;
    };
    const options = { algorithms: [signingAlgorithm], issuer: ownIssuer, audience, typ: type, clockTolerance };
    const { payload } = await refuseInvalid(
      jwtVerify(token, keyOf, { ...options, requiredClaims: ['sub', 'sid', 'jti', 'iat', 'exp'] }),
    );
    const { sub = '', sid } = payload;
    if (!isId(sub) || typeof sid !== 'string' || !isId(sid)) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    return { userId: sub, signInId: sid };
  }
}

/** Translates the errors of the library. @throws MillraceError UNAUTHENTICATED or TOKEN_EXPIRED */
export async function refuseInvalid<T>(verification: Promise<T>): Promise<T> {
  try {
    return await verification;
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      throw new MillraceError('TOKEN_EXPIRED', undefined, { cause: error });
    }
    // What a token has in the place of a header or a key makes the library throw a TypeError.
    if (error instanceof errors.JOSEError || (error instanceof Error && error.name === 'TypeError')) {
      throw new MillraceError('UNAUTHENTICATED', undefined, { cause: error });
    }
    throw error;
  }
}

/** Returns the issuer that a token names, before anything of it is checked; null for what is no token. */
export function issuerOf(credential: string): string | null {
  try {
    return decodeJwt(credential).iss ?? null;
  } catch {
    return null;
  }
}

/** Returns when a token that was accepted expires; null for what is no token. */
export function expiryOf(credential: string): Date | null {
  try {
    const { exp } = decodeJwt(credential);
    return exp === undefined ? null : new Date(exp * 1000);
  } catch {
    return null;
  }
}
