import type { Sql } from '../connection/sql';

/** The owner of everything until accounts exist, and the collection of uploads that name no other (migration 0001). */
export const systemOwnerId = '00000000-0000-7000-8000-000000000000';
export const defaultCollectionId = '00000000-0000-7000-8000-000000000001';

export interface CollectionRow {
  id: string;
  ownerId: string;
  name: string;
}

export class Collections {
  constructor(private readonly sql: Sql) {}

  find(id: string): Promise<CollectionRow | null> {
    return this.sql.oneOrNone('SELECT id, owner_id AS "ownerId", name FROM collections WHERE id = $1', [id]);
  }
}
