import { type Actor, newId } from '@millrace/contracts';
import type { Database, DocumentRow, Session } from '@millrace/database';
import { lockDocuments } from './lockDocuments';

/*
 * A document with an external id has versions: rows of the same collection and external id. Exactly one is current: lists and
 * searches see it and no other. The others have lower numbers and are old, or they have higher numbers and take its place
 * once they are searchable. So an old version that is retried stays old, and the version that was uploaded or brought
 * back last wins, in whatever order they are read.
 *
 * A version becomes current by a change of two flags in one transaction. A search reads flags and chunks in one statement,
 * so it sees one version whole. Old versions keep their chunks, so bringing one back embeds nothing.
 */

/**
 * Makes versions current that have become searchable, where the current one is older. The caller holds their locks and that of
 * the current version.
 */
export async function takeOver(session: Session, versionIds: readonly string[]): Promise<void> {
  if (versionIds.length === 0) {
    return;
  }
  const winners = await session.sql.many<{ id: string }>(
    `UPDATE documents c SET is_current = false, updated_at = now()
     FROM (SELECT DISTINCT ON (external_id, collection_id) id, external_id, collection_id, version FROM documents
           WHERE id = ANY($1::uuid[]) ORDER BY external_id, collection_id, version DESC) n
     WHERE c.external_id = n.external_id AND c.collection_id = n.collection_id AND c.is_current
       AND c.version < n.version
     RETURNING n.id`,
    [versionIds],
  );
  // A statement of its own: at no moment may two versions be current.
  await session.sql.none('UPDATE documents SET is_current = true, updated_at = now() WHERE id = ANY($1::uuid[])', [
    winners.map(({ id }) => id),
  ]);
}

/**
 * Gives a version the number after the newest one, so that it stays current whatever the newer ones become. The caller holds
 * the lock of the current version.
 * @param standing the current version and those that are newer, the newest first.
 */
export async function makeNewest(
  session: Session,
  id: string,
  standing: readonly Pick<DocumentRow, 'id' | 'version'>[],
): Promise<void> {
  await session.sql.none(
    'UPDATE documents SET version = $<version>, is_current = true, updated_at = now() WHERE id = $<id>',
    { id, version: (standing[0]?.version ?? 0) + 1 },
  );
}

/** What became of a request to bring a version back. */
export type Restored =
  | 'restored'
  /** It is current already, and no newer version can take its place. */
  | 'unchanged'
  /** It is neither ready nor partial. */
  | 'not_searchable';

/**
 * Makes a version the newest and current one. Versions that are still being read no longer take its place.
 * @returns null when there is no such document.
 */
export function restoreVersion(database: Database, documentId: string, actor: Actor): Promise<Restored | null> {
  return database.transaction(async (session) => {
    await lockDocuments(session, [documentId]);
    const document = await session.documents.find(documentId);
    if (document === null) {
      return null;
    }
    const { collectionId, externalId } = document;
    const standing = externalId === null ? [] : await session.documents.findStanding(collectionId, externalId);
    if (document.isCurrent && standing.length <= 1) {
      return 'unchanged';
    }
    if (document.status !== 'ready' && document.status !== 'partial') {
      return 'not_searchable';
    }
    await session.sql.none('UPDATE documents SET is_current = false, updated_at = now() WHERE id = $1 AND id <> $2', [
      standing.at(-1)?.id,
      documentId,
    ]);
    await makeNewest(session, documentId, standing);
    await session.actions.record({ id: newId(), kind: 'restore', actor, documentId });
    return 'restored';
  });
}
