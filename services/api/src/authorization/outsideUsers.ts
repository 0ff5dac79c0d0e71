import { insertUser, updateUser } from '@millrace/accounts';
import { type Actor, MillraceError } from '@millrace/contracts';
import type { CollectionQuotas, Database, IdentifiedUser, Session, SignInHolder } from '@millrace/database';
import type { OutsideClaims } from './tokens/outsideClaims';

const system: Actor = { kind: 'system' };

/**
 * The users of an outside provider. A user is made when its first token comes. A newer token changes the role and the groups of its
 * user, an older one does not: otherwise a token from before the user was demoted would give the role back.
 */
export class OutsideUsers {
  constructor(
    private readonly database: Database,
    private readonly linksByEmail: boolean,
    /** Of the collections of new users. */
    private readonly quotas: CollectionQuotas,
  ) {}

  /** @returns null for a disabled user. @throws MillraceError FORBIDDEN when another user has the e-mail address */
  async find(claims: OutsideClaims): Promise<SignInHolder | null> {
    const known = (await this.database.userIdentities.findUser(claims)) ?? (await this.admit(claims));
    if (!known.isActive) {
      return null;
    }
    if (known.claimsAt !== null && known.claimsAt >= claims.issuedAt) {
      return known;
    }
    await this.takeOver(claims, known);
    return this.database.userIdentities.findUser(claims);
  }

  /** Makes the user of the first token, or links it to the user who has its e-mail address. */
  private async admit(claims: OutsideClaims): Promise<IdentifiedUser> {
    try {
      await this.database.transaction(async (session) => {
        const userId = (await this.linkedUser(session, claims)) ?? (await this.makeUser(session, claims));
        await session.userIdentities.insert({ ...claims, userId });
      });
    } catch (error) {
      // Another request may have made it at the same moment.
      const known = await this.database.userIdentities.findUser(claims);
      if (known) {
        return known;
      }
      throw error instanceof MillraceError && error.code === 'EMAIL_TAKEN' ? emailTaken(claims) : error;
    }
    const made = await this.database.userIdentities.findUser(claims);
    if (!made) {
      throw new MillraceError('UNAUTHENTICATED');
    }
    return made;
  }

  private async linkedUser({ users }: Session, { email, isEmailVerified }: OutsideClaims): Promise<string | undefined> {
    return this.linksByEmail && isEmailVerified ? (await users.findByEmail(email))?.id : undefined;
  }

  private async makeUser(session: Session, { email, name, role = 'member' }: OutsideClaims): Promise<string> {
    return (await insertUser(session, { email, name, role, passwordHash: null, quotas: this.quotas }, system)).id;
  }

  /**
   * Takes the role and the groups of a newer token over, in one transaction: otherwise an older token could come between and win.
   * An admin may have changed the role meanwhile, so it is compared again.
   */
  private async takeOver(claims: OutsideClaims, { userId }: IdentifiedUser): Promise<void> {
    const { role, groups, issuedAt } = claims;
    await this.database.transaction(async (session) => {
      if (!(await session.userIdentities.noteClaims(claims, issuedAt))) {
        return;
      }
      if (groups !== undefined) {
        await session.groups.setMemberships(userId, groups);
      }
      if (role !== undefined && role !== (await session.users.find(userId))?.role) {
        await updateUser(session, userId, { role }, system).catch(allowLastAdmin);
      }
    });
  }
}

/** The last admin keeps its role, whatever the provider says: otherwise nobody could manage users. */
function allowLastAdmin(error: unknown): void {
  if (!(error instanceof MillraceError && error.code === 'LAST_ADMIN')) {
    throw error;
  }
}

function emailTaken({ email }: OutsideClaims): MillraceError {
  return new MillraceError(
    'FORBIDDEN',
    `Another user has the e-mail address ${email}. An admin can change it, or set OIDC_LINK_BY_EMAIL.`,
  );
}
