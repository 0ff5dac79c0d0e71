import type { KeyScope, UserRole } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** A session that is in force, with what its user may do at this moment. */
export interface SessionHolder {
  sessionId: string;
  userId: string;
  role: UserRole;
  /** The key that was signed in with, or null after a password. */
  keyId: string | null;
  /** The scopes and the collections of that key; null for all of the user's. */
  scopes: KeyScope[] | null;
  collectionIds: string[] | null;
  defaultCollectionId: string | null;
  /** When that key ends, or null. */
  expiresAt: Date | null;
}

export interface NewSession {
  id: string;
  /** SHA-256 of the token, in hexadecimal. */
  tokenHash: string;
  userId: string;
  keyId: string | null;
  lifetimeMs: number;
}

/** Browsers that have signed in. */
export class Sessions {
  constructor(private readonly sql: Sql) {}

  /** Adds a session, and removes those that have expired. */
  async add(session: NewSession): Promise<void> {
    await this.sql.none('DELETE FROM sessions WHERE expires_at < now()');
    await this.sql.none(
      `INSERT INTO sessions (id, token_hash, user_id, key_id, expires_at)
       VALUES ($<id>, $<tokenHash>, $<userId>, $<keyId>, now() + $<lifetimeMs> * interval '1 millisecond')`,
      session,
    );
  }

  /** Finds a session that is in force: not expired, its user is active, and so is the key that it was signed in with. */
  findHolder(tokenHash: string): Promise<SessionHolder | null> {
    return this.sql.oneOrNone(
      `SELECT s.id AS "sessionId", s.user_id AS "userId", u.role, s.key_id AS "keyId", k.scopes,
         k.collection_ids AS "collectionIds", u.default_collection_id AS "defaultCollectionId", k.expires_at AS "expiresAt"
       FROM sessions s JOIN users u ON u.id = s.user_id LEFT JOIN api_keys k ON k.id = s.key_id
       WHERE s.token_hash = $1 AND s.expires_at > now() AND u.status = 'active'
         AND (s.key_id IS NULL OR (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())))`,
      [tokenHash],
    );
  }

  /** Ends a session. @returns whether there was one */
  async remove(tokenHash: string): Promise<boolean> {
    return (await this.sql.affected('DELETE FROM sessions WHERE token_hash = $1', [tokenHash])) > 0;
  }

  /** Ends all sessions of a user. For a user whose password has changed. */
  async removeOfUser(userId: string): Promise<void> {
    await this.sql.none('DELETE FROM sessions WHERE user_id = $1', [userId]);
  }
}
