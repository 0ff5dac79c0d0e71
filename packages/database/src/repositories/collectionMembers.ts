import type { CollectionRole } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** A user or a group with whom a collection is shared, or its owner. */
export interface CollectionMemberRow {
  /** Of the user or the group. */
  id: string;
  kind: 'user' | 'group';
  name: string;
  email: string | null;
  role: CollectionRole;
  isOwner: boolean;
  createdAt: Date;
}

/** A user or a group. */
export type Subject = Pick<CollectionMemberRow, 'id' | 'kind'>;

/** One of these names a user or a group. */
export interface NamedSubject {
  userId?: string | undefined;
  email?: string | undefined;
  groupId?: string | undefined;
}

/** With whom collections are shared. */
export class CollectionMembers {
  constructor(private readonly sql: Sql) {}

  /** Lists the owner and everybody with whom the collection is shared. */
  list(collectionId: string): Promise<CollectionMemberRow[]> {
    return this.sql.many(
      `SELECT * FROM (
         SELECT u.id, 'user' AS kind, u.name, u.email, 'manager' AS role, true AS "isOwner", c.created_at AS "createdAt"
         FROM collections c JOIN users u ON u.id = c.owner_id WHERE c.id = $1
         UNION ALL
         SELECT coalesce(u.id, g.id), CASE WHEN u.id IS NULL THEN 'group' ELSE 'user' END, coalesce(u.name, g.name),
           u.email, m.role, false, m.created_at
         FROM collection_members m LEFT JOIN users u ON u.id = m.user_id LEFT JOIN groups g ON g.id = m.group_id
         WHERE m.collection_id = $1) AS members
       ORDER BY "isOwner" DESC, name, id`,
      [collectionId],
    );
  }

  /** Finds an active user by its id or its address, or a group. It is not deleted before the transaction ends. */
  findSubject(named: NamedSubject): Promise<Subject | null> {
    const { userId = null, email = null, groupId = null } = named;
    return this.sql.oneOrNone(
      `SELECT id, 'user' AS kind FROM (
         SELECT id FROM users WHERE (id = $<userId>::uuid OR email = $<email>) AND status = 'active'
         FOR KEY SHARE) AS named_user
       UNION ALL
       SELECT id, 'group' FROM (SELECT id FROM groups WHERE id = $<groupId>::uuid FOR KEY SHARE) AS named_group`,
      { userId, email, groupId },
    );
  }

  /** Shares the collection, or changes the role of a member. */
  async put(collectionId: string, { id, kind }: Subject, role: CollectionRole): Promise<void> {
    const column = kind === 'user' ? 'user_id' : 'group_id';
    await this.sql.none(
      `INSERT INTO collection_members (collection_id, ${column}, role) VALUES ($<collectionId>, $<id>, $<role>)
       ON CONFLICT (collection_id, ${column}) DO UPDATE SET role = excluded.role`,
      { collectionId, id, role },
    );
  }

  /** Ends the sharing with a user or a group. @returns what it was, or null when there was none. */
  remove(collectionId: string, id: string): Promise<{ kind: Subject['kind']; role: CollectionRole } | null> {
    return this.sql.oneOrNone(
      `DELETE FROM collection_members WHERE collection_id = $<collectionId> AND (user_id = $<id> OR group_id = $<id>)
       RETURNING role, CASE WHEN user_id IS NULL THEN 'group' ELSE 'user' END AS kind`,
      { collectionId, id },
    );
  }
}
