import type { UserRole } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** The user who owns the default collection (migration 0025). It always exists. */
export const firstAdminId = '00000000-0000-7000-8000-000000000000';

export interface UserRow {
  id: string;
  email: string;
  name: string;
  role: UserRole;
  status: 'active' | 'disabled';
  /** The collection of uploads that name none, or null. */
  defaultCollectionId: string | null;
  createdAt: Date;
  updatedAt: Date;
  lastSignInAt: Date | null;
}

const columns = `id, email, name, role, status, default_collection_id AS "defaultCollectionId",
  created_at AS "createdAt", updated_at AS "updatedAt", last_sign_in_at AS "lastSignInAt"`;

export class Users {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<UserRow | null> {
    return this.sql.oneOrNone(`SELECT ${columns} FROM users WHERE id = $1`, [id]);
  }
}
