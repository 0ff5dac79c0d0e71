import type { UserRole, UserStatus } from '@millrace/contracts';
import { refuseDuplicate } from '../connection/constraintViolations';
import { isAfterPlace, isOneOf, type Listed, type ListPage, placeColumn, placeValues } from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

/** The user who owns the default collection (migration 0025). It always exists. */
export const firstAdminId = '00000000-0000-7000-8000-000000000000';

export interface UserRow {
  id: string;
  email: string;
  name: string;
  role: UserRole;
  status: UserStatus;
  hasPassword: boolean;
  /** The collection of uploads that name none, or null. */
  defaultCollectionId: string | null;
  createdAt: Date;
  updatedAt: Date;
  lastSignInAt: Date | null;
}

export interface NewUser {
  id: string;
  email: string;
  name: string;
  role: UserRole;
  passwordHash: string | null;
}

/** What changes of a user. What is left out stays as it is. */
export interface UserChanges {
  email?: string | undefined;
  name?: string | undefined;
  role?: UserRole | undefined;
  status?: UserStatus | undefined;
  /** Null removes the password. */
  passwordHash?: string | null | undefined;
  /** Null leaves the user without one, and so does a collection that has just gone. */
  defaultCollectionId?: string | null | undefined;
}

/** Which users a list has. What is left out does not limit it. */
export interface UserFilter {
  roles?: readonly UserRole[] | undefined;
  statuses?: readonly UserStatus[] | undefined;
  email?: string | undefined;
  groupId?: string | undefined;
}

const columns = `id, email, name, role, status, password_hash IS NOT NULL AS "hasPassword",
  default_collection_id AS "defaultCollectionId", created_at AS "createdAt", updated_at AS "updatedAt",
  last_sign_in_at AS "lastSignInAt"`;

export class Users {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<UserRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM users WHERE id = $1`, [id]);
  }

  findByEmail(email: string): Promise<UserRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM users WHERE email = $1`, [email]);
  }

  /** Finds what a sign-in with a password needs, in one statement, so that an unknown address costs as much as another. */
  findForPassword(email: string): Promise<{ id: string; status: UserStatus; passwordHash: string | null } | null> {
    return this.sql.oneOrNone('SELECT id, status, password_hash AS "passwordHash" FROM users WHERE email = $1', [
      email,
    ]);
  }

  /** Finds a user and keeps it from changing until the transaction ends. */
  lock(id: string): Promise<UserRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM users WHERE id = $1 FOR UPDATE`, [id]);
  }

  /** Keeps a user from being deleted until the transaction ends. @returns false when there is no such user. */
  async keep(id: string): Promise<boolean> {
    return (await this.sql.many('SELECT FROM users WHERE id = $1 FOR KEY SHARE', [id])).length > 0;
  }

  /** Returns the hash of the user's password, or null when there is no such user or no password. */
  async findPasswordHash(id: string): Promise<string | null> {
    const row = await this.sql.oneOrNone<{ hash: string | null }>(
      'SELECT password_hash AS hash FROM users WHERE id = $1',
      [id],
    );
    return row?.hash ?? null;
  }

  /** @throws MillraceError EMAIL_TAKEN */
  async insert(user: NewUser): Promise<void> {
    await refuseTaken(
      user.email,
      this.sql.none(
        `INSERT INTO users (id, email, name, role, password_hash)
         VALUES ($<id>, $<email>, $<name>, $<role>, $<passwordHash>)`,
        user,
      ),
    );
  }

  async setDefaultCollection(id: string, collectionId: string): Promise<void> {
    await this.sql.none('UPDATE users SET default_collection_id = $<collectionId> WHERE id = $<id>', {
      id,
      collectionId,
    });
  }

  /** @returns the user after the change, or null when there is no such user. @throws MillraceError EMAIL_TAKEN */
  change(id: string, changes: UserChanges): Promise<UserRow | null> {
    const { email = null, name = null, role = null, status = null, passwordHash, defaultCollectionId } = changes;
    return refuseTaken(
      email,
      this.sql.oneOrNone(
        `UPDATE users SET email = coalesce($<email>, email), name = coalesce($<name>, name),
           role = coalesce($<role>, role), status = coalesce($<status>, status),
           password_hash = CASE WHEN $<setsPassword> THEN $<passwordHash> ELSE password_hash END,
           default_collection_id = CASE WHEN $<setsCollection>
             THEN (SELECT c.id FROM collections c WHERE c.id = $<defaultCollectionId> FOR KEY SHARE)
             ELSE default_collection_id END,
           updated_at = now()
         WHERE id = $<id> RETURNING ${columns}`,
        {
          ...{ id, email, name, role, status },
          setsPassword: passwordHash !== undefined,
          passwordHash: passwordHash ?? null,
          setsCollection: defaultCollectionId !== undefined,
          defaultCollectionId: defaultCollectionId ?? null,
        },
      ),
    );
  }

  async noteSignIn(id: string): Promise<void> {
    await this.sql.none('UPDATE users SET last_sign_in_at = now() WHERE id = $1', [id]);
  }

  /**
   * Locks all active admins and returns their ids. Transactions that take admins away run one after the other with it, so each
   * sees what the others have left.
   */
  async lockActiveAdmins(): Promise<string[]> {
    const rows = await this.sql.many<{ id: string }>(
      `SELECT id FROM users WHERE role = 'admin' AND status = 'active' ORDER BY id FOR NO KEY UPDATE`,
    );
    return rows.map(({ id }) => id);
  }

  async delete(id: string): Promise<void> {
    await this.sql.none('DELETE FROM users WHERE id = $1', [id]);
  }

  /** Lists the users that fit, the newest first. */
  list(filter: UserFilter, page: ListPage): Promise<Listed<UserRow>[]> {
    const { roles = null, statuses = null, email = null, groupId = null } = filter;
    return this.sql.many(
      `SELECT ${columns}, ${placeColumn('created_at')} FROM users
       WHERE ${isOneOf('role', 'roles')} AND ${isOneOf('status', 'statuses')} AND ($<email> IS NULL OR email = $<email>)
         AND ($<groupId> IS NULL OR id IN (SELECT user_id FROM group_members WHERE group_id = $<groupId>::uuid))
         AND ${isAfterPlace('created_at', 'id')}
       ORDER BY created_at DESC, id DESC LIMIT $<limit>`,
      { roles, statuses, email, groupId, ...placeValues(page) },
    );
  }
}

function refuseTaken<T>(email: string | null, statement: Promise<T>): Promise<T> {
  const message = `Another user has the e-mail address ${email}.`;
  return refuseDuplicate(statement, { index: 'users_email_key', code: 'EMAIL_TAKEN', message });
}
