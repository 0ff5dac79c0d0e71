import type { CollectionRole } from '@millrace/contracts';
import type { Sql } from '../connection/sql';

/** The collection of the first admin's uploads that name no other (migration 0001). */
export const defaultCollectionId = '00000000-0000-7000-8000-000000000001';

export interface CollectionRow {
  id: string;
  ownerId: string;
  name: string;
}

/** A role that a user has in a collection: as its owner, because it is shared with the user, or with one of its groups. */
export interface CollectionGrant {
  collectionId: string;
  role: CollectionRole;
}

export class Collections {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<CollectionRow | null> {
    return this.sql.oneOrNone('SELECT id, owner_id AS "ownerId", name FROM collections WHERE id = $1', [id]);
  }

  /** Lists every role of the user in every collection. One collection may be there several times. */
  listGrants(userId: string): Promise<CollectionGrant[]> {
    return this.sql.many(
      `SELECT id AS "collectionId", 'manager' AS role FROM collections WHERE owner_id = $1
       UNION ALL
       SELECT collection_id, role FROM collection_members WHERE user_id = $1
       UNION ALL
       SELECT m.collection_id, m.role FROM group_members g JOIN collection_members m ON m.group_id = g.group_id
       WHERE g.user_id = $1`,
      [userId],
    );
  }
}
