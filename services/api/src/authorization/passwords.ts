import { hashPassword, isOutdated, verifyPassword } from '@millrace/accounts';
import { type Actor, MillraceError, newId } from '@millrace/contracts';
import type { Database, Session, SignInHolder } from '@millrace/database';
import type { PasswordGuard } from './passwordGuard';

/** Where a request came from. */
export interface Origin {
  address: string;
  requestId: string;
}

export interface GivenPassword {
  email: string;
  password: string;
}

/** Signs users in with passwords: programs, which get tokens, and browsers, which get a session. */
export class Passwords {
  constructor(
    private readonly database: Database,
    private readonly guard: PasswordGuard,
  ) {}

  /**
   * Checks a password. When it is right, it runs `begin` in a transaction in which neither the user nor the password can change.
   * @throws MillraceError SIGN_IN_FAILED or TOO_MANY_REQUESTS
   */
  async signIn<T>(
    given: GivenPassword,
    origin: Origin,
    begin: (session: Session, user: SignInHolder) => Promise<T>,
  ): Promise<T> {
    await this.guard.admit(given.email, origin.address);
    const user = await this.database.users.findForPassword(given.email);
    const hash = user?.passwordHash ?? null;
    const matches = await verifyPassword(hash, given.password);
    if (!user || hash === null || !matches || user.status !== 'active') {
      throw await this.refuse(user?.id, origin);
    }
    await this.guard.succeeded(given.email);
    const replacement = isOutdated(hash) ? await hashPassword(given.password) : undefined;
    const begun = await this.database.transaction(async (session) => {
      const { users } = session;
      // The password may have been changed, or the user disabled, while the hash was computed.
      const locked = await users.lock(user.id);
      if (locked?.status !== 'active' || (await users.findPasswordHash(user.id)) !== hash) {
        return null;
      }
      if (replacement !== undefined) {
        await users.change(user.id, { passwordHash: replacement });
      }
      await users.noteSignIn(user.id);
      const { id: userId, role, defaultCollectionId } = locked;
      return { value: await begin(session, { userId, role, defaultCollectionId }) };
    });
    if (begun === null) {
      throw await this.refuse(user.id, origin);
    }
    return begun.value;
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

/** The actor of a request of which nobody knows who makes it. */
export function anonymous(origin: Origin): Actor {
  return { kind: 'anonymous', ...origin };
}
