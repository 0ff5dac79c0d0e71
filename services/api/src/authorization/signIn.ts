import { hashPassword, isOutdated, verifyPassword } from '@millrace/accounts';
import { type Actor, MillraceError, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { PasswordGuard } from './passwordGuard';
import type { AccessTokens } from './tokens/accessTokens';
import { newRefreshToken, refreshTokenHash } from './tokens/refreshTokens';

/** Where a request came from. */
export interface Origin {
  address: string;
  requestId: string;
}

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
    private readonly guard: PasswordGuard,
    private readonly tokens: AccessTokens,
    private readonly refreshLifetimeMs: number,
  ) {}

  /** Signs in with a password. @throws MillraceError SIGN_IN_FAILED or TOO_MANY_REQUESTS */
  async withPassword(given: { email: string; password: string }, origin: Origin): Promise<IssuedTokens> {
    await this.guard.admit(given.email, origin.address);
    const user = await this.database.users.findByEmail(given.email);
    const hash = user && (await this.database.users.findPasswordHash(user.id));
    const matches = await verifyPassword(hash, given.password);
    if (!user || !hash || !matches || user.status !== 'active') {
      throw await this.refuse(user?.id, origin);
    }
    await this.guard.succeeded(given.email);
    const replacement = isOutdated(hash) ? await hashPassword(given.password) : undefined;
    const signInId = newId();
    const refreshToken = newRefreshToken();
    const began = await this.database.transaction(async (session) => {
      const { users, signIns, actions } = session;
      // The password may have been changed, or the user disabled, while the hash was computed.
      const locked = await users.lock(user.id);
      if (locked?.status !== 'active' || (await users.findPasswordHash(user.id)) !== hash) {
        return false;
      }
      if (replacement !== undefined) {
        await users.change(user.id, { passwordHash: replacement });
      }
      await signIns.insert({
        id: signInId,
        userId: user.id,
        tokenHash: refreshTokenHash(refreshToken),
        lifetimeMs: this.refreshLifetimeMs,
      });
      await signIns.removeExpired({ olderThanMs: 86_400_000, limit: 100 });
      await users.noteSignIn(user.id);
      await actions.record({ id: newId(), kind: 'sign_in', actor: userActor(user.id, origin), userId: user.id });
      return true;
    });
    if (!began) {
      throw await this.refuse(user.id, origin);
    }
    return this.issue({ userId: user.id, signInId, refreshToken });
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

  /** Records a failed sign-in. The e-mail of an unknown user may be a password in the wrong field, and is not recorded. */
  private async refuse(userId: string | undefined, origin: Origin): Promise<MillraceError> {
    if (await this.guard.failed(origin.address)) {
      const about = userId === undefined ? {} : { userId };
      await this.database.actions.record({ id: newId(), kind: 'sign_in_failed', actor: anonymous(origin), ...about });
    }
    return new MillraceError('SIGN_IN_FAILED');
  }
}

function userActor(id: string, origin: Origin): Actor {
  return { kind: 'user', id, userId: id, ...origin };
}

function anonymous(origin: Origin): Actor {
  return { kind: 'anonymous', ...origin };
}
