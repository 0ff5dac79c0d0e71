import { type Actor, MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { anonymous, type GivenPassword, type Origin, type Passwords } from './passwords';
import type { AccessTokens } from './tokens/accessTokens';
import { newRefreshToken, refreshTokenHash } from './tokens/refreshTokens';

/** What a program gets that has signed in. */
export interface IssuedTokens {
  accessToken: string;
  refreshToken: string;
  /** How long the access token is valid. */
  lifetimeMs: number;
}

/** Signs programs in and out. Each sign-in has one refresh token at a time. */
export class SignIn {
  constructor(
    private readonly database: Database,
    private readonly passwords: Passwords,
    private readonly tokens: AccessTokens,
    private readonly refreshLifetimeMs: number,
  ) {}

  /** Signs a program in with a password. @throws MillraceError SIGN_IN_FAILED or TOO_MANY_REQUESTS */
  async withPassword(given: GivenPassword, origin: Origin): Promise<IssuedTokens> {
    const signInId = newId();
    const refreshToken = newRefreshToken();
    const userId = await this.passwords.signIn(given, origin, async ({ signIns, actions }, { userId }) => {
      const lifetimeMs = this.refreshLifetimeMs;
      await signIns.insert({ id: signInId, userId, tokenHash: refreshTokenHash(refreshToken), lifetimeMs });
      await signIns.removeExpired({ olderThanMs: 86_400_000, limit: 100 });
      await actions.record({ id: newId(), kind: 'sign_in', actor: userActor(userId, origin), userId });
      return userId;
    });
    return this.issue({ userId, signInId, refreshToken });
  }

  /**
   * Exchanges a refresh token for new tokens. A token that was used before ends its sign-in, because somebody else may have it. A
   * client whose answer was lost signs in again: a grace for it would be one for a thief as well.
   * @throws MillraceError REFRESH_TOKEN_INVALID
   */
  async refresh(token: string, origin: Origin): Promise<IssuedTokens> {
    const refreshToken = newRefreshToken();
    const used = refreshTokenHash(token);
    const found = await this.database.transaction(async ({ signIns, actions }) => {
      const row = await signIns.lockToken(used);
      if (!row?.isInForce) {
        return null;
      }
      const { signInId, userId } = row;
      if (row.isUsed) {
        await signIns.end(signInId);
        await actions.record({ id: newId(), kind: 'refresh_reused', actor: anonymous(origin), userId });
        return null;
      }
      await signIns.rotate({
        signInId,
        used,
        next: refreshTokenHash(refreshToken),
        lifetimeMs: this.refreshLifetimeMs,
      });
      return { signInId, userId };
    });
    if (!found) {
      throw new MillraceError('REFRESH_TOKEN_INVALID');
    }
    return this.issue({ ...found, refreshToken });
  }

  /** Ends the sign-in of a refresh token, or all of its user with `everywhere`. An unknown token has nothing to end. */
  async signOut(token: string, everywhere: boolean, origin: Origin): Promise<void> {
    await this.database.transaction(async ({ signIns, sessions, actions }) => {
      const row = await signIns.lockToken(refreshTokenHash(token));
      if (!row?.isInForce) {
        return;
      }
      const { userId, signInId } = row;
      if (everywhere) {
        await signIns.endAll(userId);
        await sessions.removeOfUser(userId);
      } else {
        await signIns.end(signInId);
      }
      const details = { everywhere };
      await actions.record({ id: newId(), kind: 'sign_out', actor: userActor(userId, origin), userId, details });
    });
  }

  private async issue(made: { userId: string; signInId: string; refreshToken: string }): Promise<IssuedTokens> {
    const { refreshToken, ...claims } = made;
    return { accessToken: await this.tokens.issue(claims), refreshToken, lifetimeMs: this.tokens.lifetimeMs };
  }
}

function userActor(id: string, origin: Origin): Actor {
  return { kind: 'user', id, userId: id, ...origin };
}
