import { type CollectionRole, type KeyScope, keyScope, newId, type UserRole } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { newApiKey, storedKey } from '../src/authorization/apiKeys';

/** Makes an active user. @returns its id. */
export async function newUser(database: Database, role: UserRole = 'member'): Promise<string> {
  const id = newId();
  await database.sql.none('INSERT INTO users (id, email, role) VALUES ($1, $2, $3)', [id, `${id}@example.org`, role]);
  return id;
}

interface KeyOptions {
  scopes?: readonly KeyScope[];
  collectionIds?: readonly string[];
  /** SQL: changes of the row, such as its end. */
  changes?: string;
}

/** Makes an API key of the user, with all scopes unless others are given. @returns it. */
export async function newKey(
  database: Database,
  userId: string,
  { scopes = keyScope.options, collectionIds, changes }: KeyOptions = {},
): Promise<string> {
  const key = newApiKey();
  const id = newId();
  await database.sql.none(
    `INSERT INTO api_keys (id, user_id, name, prefix, key_hash, scopes, collection_ids)
     VALUES ($<id>, $<userId>, 'test', $<prefix>, $<keyHash>, $<scopes>::text[], $<collectionIds>::uuid[])`,
    { id, userId, ...storedKey(key), scopes, collectionIds: collectionIds ?? null },
  );
  if (changes !== undefined) {
    await database.sql.none(`UPDATE api_keys SET ${changes} WHERE id = $1`, [id]);
  }
  return key;
}

/** Makes a collection of the user. @returns its id. */
export async function newCollectionOf(database: Database, ownerId: string): Promise<string> {
  const id = newId();
  await database.sql.none('INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, $1)', [id, ownerId]);
  return id;
}

/** Shares a collection with a user. */
export async function share(database: Database, collectionId: string, userId: string, role: CollectionRole) {
  await database.sql.none('INSERT INTO collection_members (collection_id, user_id, role) VALUES ($1, $2, $3)', [
    collectionId,
    userId,
    role,
  ]);
}

/** Shares a collection with a new group that has this user alone. */
export async function shareWithGroup(database: Database, collectionId: string, userId: string, role: CollectionRole) {
  const id = newId();
  await database.sql.none('INSERT INTO groups (id, name) VALUES ($1, $1)', [id]);
  await database.sql.none('INSERT INTO group_members (group_id, user_id) VALUES ($1, $2)', [id, userId]);
  await database.sql.none('INSERT INTO collection_members (collection_id, group_id, role) VALUES ($1, $2, $3)', [
    collectionId,
    id,
    role,
  ]);
}
