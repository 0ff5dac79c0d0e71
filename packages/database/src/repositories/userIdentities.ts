import type { Sql } from '../connection/sql';
import type { SignInHolder } from './signIns';

/** How an outside provider names a user. */
export interface UserIdentity {
  issuer: string;
  subject: string;
}

/** A user, with whether it is active. */
export interface IdentifiedUser extends SignInHolder {
  isActive: boolean;
  /** When the newest token was issued whose claims the user has taken over, or null. */
  claimsAt: Date | null;
}

/** Users as an outside OpenID provider names them. */
export class UserIdentities {
  constructor(private readonly sql: Sql) {}

  findUser(identity: UserIdentity): Promise<IdentifiedUser | null> {
    return this.sql.oneOrNone(
      `SELECT u.id AS "userId", u.role, u.default_collection_id AS "defaultCollectionId", u.status = 'active' AS "isActive",
         i.claims_at AS "claimsAt"
       FROM user_identities i JOIN users u ON u.id = i.user_id
       WHERE i.issuer = $<issuer> AND i.subject = $<subject>`,
      identity,
    );
  }

  /** Notes that the claims of a token are taken over. @returns false when those of a newer one, or of the same, have been. */
  async noteClaims(identity: UserIdentity, issuedAt: Date): Promise<boolean> {
    const noted = await this.sql.affected(
      `UPDATE user_identities SET claims_at = $<issuedAt>
       WHERE issuer = $<issuer> AND subject = $<subject> AND (claims_at IS NULL OR claims_at < $<issuedAt>)`,
      { ...identity, issuedAt },
    );
    return noted === 1;
  }

  async insert(identity: UserIdentity & { userId: string }): Promise<void> {
    await this.sql.none(
      'INSERT INTO user_identities (issuer, subject, user_id) VALUES ($<issuer>, $<subject>, $<userId>)',
      identity,
    );
  }
}
