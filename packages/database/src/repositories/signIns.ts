import type { UserRole } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** The user of a sign-in that is in force, with what it may do at this moment. */
export interface SignInHolder {
  userId: string;
  role: UserRole;
  defaultCollectionId: string | null;
}

export interface NewSignIn {
  id: string;
  userId: string;
  /** SHA-256 of its first refresh token, in hexadecimal. */
  tokenHash: string;
  /** How long a refresh token is valid. */
  lifetimeMs: number;
}

/** A refresh token that was sent, and the state of its sign-in. */
export interface RefreshTokenRow {
  signInId: string;
  userId: string;
  email: string;
  isUsed: boolean;
  /** True while the sign-in has neither ended nor expired and its user is active. */
  isInForce: boolean;
}

const isInForce = `s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active'`;

/** Sign-ins of programs, with their refresh tokens. */
export class SignIns {
  constructor(private readonly sql: Sql) {}

  /** Finds the user of a sign-in that is in force: neither ended nor expired, and its user is active. */
  findHolder(id: string, userId: string): Promise<SignInHolder | null> {
    return this.sql.oneOrNone(
      `SELECT u.id AS "userId", u.role, u.default_collection_id AS "defaultCollectionId"
       FROM sign_ins s JOIN users u ON u.id = s.user_id WHERE s.id = $<id> AND u.id = $<userId> AND ${isInForce}`,
      { id, userId },
    );
  }

  async insert({ id, userId, tokenHash, lifetimeMs }: NewSignIn): Promise<void> {
    await this.sql.none(
      `INSERT INTO sign_ins (id, user_id, expires_at)
       VALUES ($<id>, $<userId>, now() + $<lifetimeMs> * interval '1 millisecond')`,
      { id, userId, lifetimeMs },
    );
    await this.insertToken(id, tokenHash);
  }

  /** Finds a refresh token and keeps its sign-in from changing until the transaction ends. */
  lockToken(tokenHash: string): Promise<RefreshTokenRow | null> {
    return this.sql.oneOrNone(
      `SELECT s.id AS "signInId", u.id AS "userId", u.email, t.used_at IS NOT NULL AS "isUsed", ${isInForce} AS "isInForce"
       FROM refresh_tokens t JOIN sign_ins s ON s.id = t.sign_in_id JOIN users u ON u.id = s.user_id
       WHERE t.token_hash = $1 FOR UPDATE OF t, s`,
      [tokenHash],
    );
  }

  /**
   * Replaces a refresh token, which `lockToken` has found unused, by the next one. Tokens that were used longer ago than one is
   * valid have expired, so nobody needs to notice a second use. They go: a sign-in may be refreshed for years.
   */
  async rotate(change: { signInId: string; used: string; next: string; lifetimeMs: number }): Promise<void> {
    await this.sql.none('UPDATE refresh_tokens SET used_at = now() WHERE token_hash = $<used>', change);
    await this.sql.none(
      `UPDATE sign_ins SET expires_at = now() + $<lifetimeMs> * interval '1 millisecond' WHERE id = $<signInId>`,
      change,
    );
    await this.sql.none(
      `DELETE FROM refresh_tokens
       WHERE sign_in_id = $<signInId> AND used_at < now() - $<lifetimeMs> * interval '1 millisecond'`,
      change,
    );
    await this.insertToken(change.signInId, change.next);
  }

  /** Ends a sign-in. @returns false when it had ended. */
  async end(id: string): Promise<boolean> {
    return (
      (await this.sql.affected('UPDATE sign_ins SET ended_at = now() WHERE id = $1 AND ended_at IS NULL', [id])) > 0
    );
  }

  /** Ends all sign-ins of a user. */
  async endAll(userId: string): Promise<void> {
    await this.sql.none('UPDATE sign_ins SET ended_at = now() WHERE user_id = $1 AND ended_at IS NULL', [userId]);
  }

  /** Removes sign-ins that expired some time ago, with their tokens. @returns how many. */
  removeExpired(limits: { olderThanMs: number; limit: number }): Promise<number> {
    return this.sql.affected(
      `DELETE FROM sign_ins WHERE id IN (
         SELECT id FROM sign_ins WHERE expires_at < now() - $<olderThanMs> * interval '1 millisecond'
         ORDER BY expires_at LIMIT $<limit> FOR UPDATE SKIP LOCKED)`,
      limits,
    );
  }

  private async insertToken(signInId: string, tokenHash: string): Promise<void> {
    await this.sql.none('INSERT INTO refresh_tokens (token_hash, sign_in_id) VALUES ($<tokenHash>, $<signInId>)', {
      signInId,
      tokenHash,
    });
  }
}
