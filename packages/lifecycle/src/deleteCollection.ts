import { type Actor, MillraceError, newId } from '@millrace/contracts';
import type { CollectionRow, Database } from '@millrace/database';
import { deleteDocuments } from './remove';

/*
 * Deleting a collection: active -> deleting in one short transaction. From then on nobody finds it or anything in it, no
 * document comes in, and no worker claims its work. The reconciler then removes its documents in batches, and at last its row.
 */

export interface CollectionDeletion {
  id: string;
  /** True to delete it only when it has no documents. */
  ifEmpty: boolean;
}

/** active -> deleting. @returns the collection, or null when there is none. @throws MillraceError COLLECTION_NOT_EMPTY */
export function deleteCollection(
  database: Database,
  { id, ifEmpty }: CollectionDeletion,
  actor: Actor,
): Promise<CollectionRow | null> {
  return database.transaction(async ({ sql, collections, actions }) => {
    const locked = await collections.lock(id);
    if (!locked) {
      return null;
    }
    if (ifEmpty && (await hasDocuments(sql, id))) {
      throw new MillraceError('COLLECTION_NOT_EMPTY');
    }
    await sql.none(
      `UPDATE collections SET status = 'deleting', updated_at = now() WHERE id = $1 AND status = 'active'`,
      [id],
    );
    await sql.none('UPDATE users SET default_collection_id = NULL WHERE default_collection_id = $1', [id]);
    const details = { name: locked.name };
    await actions.record({ id: newId(), kind: 'delete_collection', actor, collectionId: id, details });
    return collections.find(id);
  });
}

/** How much one call of removeDeleted removes at most. A document with more chunks goes alone. */
export interface RemovalLimits {
  documents: number;
  chunks: number;
}

export interface Removal {
  collectionId: string;
  /** How many documents were removed. */
  documents: number;
  /** The keys of their originals, for the caller to remove. */
  sourcePaths: string[];
  /** True when nothing of the collection is left. */
  isGone: boolean;
}

/** Removes some documents of a collection that is being deleted, or its row when none are left. @returns null when there is none. */
export async function removeDeleted(database: Database, limits: RemovalLimits): Promise<Removal | null> {
  const collection = await database.sql.oneOrNone<{ id: string }>(
    `SELECT id FROM collections WHERE status = 'deleting' ORDER BY id LIMIT 1`,
  );
  if (!collection) {
    return null;
  }
  const { id } = collection;
  const found = await database.sql.many<{ id: string }>(
    `SELECT id FROM (
       SELECT id, sum(chunks) OVER (ORDER BY id) - chunks AS chunks_before FROM (
         SELECT id, coalesce(total_chunks, 0) AS chunks FROM documents WHERE collection_id = $<id>
         ORDER BY created_at, id LIMIT $<documents>) AS oldest) AS counted
     WHERE chunks_before < $<chunks>`,
    { id, ...limits },
  );
  if (found.length === 0) {
    return { collectionId: id, documents: 0, sourcePaths: [], isGone: await removeRow(database, id) };
  }
  const ids = found.map((document) => document.id);
  const removed = await database.transaction((session) => deleteDocuments(session, ids));
  return { collectionId: id, ...removed, isGone: false };
}

/** Removes the row of a collection without documents. @returns false when a document has come meanwhile. */
function removeRow(database: Database, id: string): Promise<boolean> {
  return database.transaction(async ({ sql }) => {
    await sql.many(`SELECT FROM collections WHERE id = $1 AND status = 'deleting' FOR UPDATE`, [id]);
    if (await hasDocuments(sql, id)) {
      return false;
    }
    await sql.none(`DELETE FROM collections WHERE id = $1 AND status = 'deleting'`, [id]);
    await sql.none('DELETE FROM collection_counts WHERE collection_id = $1', [id]);
    return true;
  });
}

async function hasDocuments(sql: Database['sql'], collectionId: string): Promise<boolean> {
  const { exists } = await sql.one<{ exists: boolean }>(
    'SELECT EXISTS (SELECT FROM documents WHERE collection_id = $1) AS exists',
    [collectionId],
  );
  return exists;
}
