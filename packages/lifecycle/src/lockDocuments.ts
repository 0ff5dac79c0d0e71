import type { DocumentRepair, DocumentStatus } from '@millrace/contracts';
import { mustRunAgain, type Session } from '@millrace/database';

export interface LockedDocument {
  id: string;
  status: DocumentStatus;
  repair: DocumentRepair | null;
  collectionId: string;
  externalId: string | null;
  isCurrent: boolean;
}

/** How often rows that came while a transaction waited are locked too, before the transaction runs again. */
export const maxTries = 20;

/**
 * Locks the given documents that exist, in the order of their ids, and with a version that is not current also the current one,
 * whose place it may take. So who changes which version is current holds the lock of the one that is. Rows that refer to the
 * documents can still be inserted.
 */
export async function lockDocuments(session: Session, documentIds: readonly string[]): Promise<LockedDocument[]> {
  if (documentIds.length === 0) {
    return [];
  }
  for (let tries = 0; tries < maxTries; tries += 1) {
    const locked = await lockWithCurrent(session, documentIds);
    const current = new Set(locked.filter(({ isCurrent }) => isCurrent).map(nameOf));
    const given = locked.filter(({ id }) => documentIds.includes(id));
    // While this transaction waited for the current version, another one may have taken its place.
    if (given.every((document) => document.isCurrent || current.has(nameOf(document)))) {
      return given;
    }
  }
  throw mustRunAgain('Other versions became current all the time.');
}

const nameOf = ({ collectionId, externalId }: LockedDocument) => `${collectionId} ${externalId}`;

function lockWithCurrent({ sql }: Session, documentIds: readonly string[]): Promise<LockedDocument[]> {
  return sql.many(
    `SELECT id, status, repair, collection_id AS "collectionId", external_id AS "externalId",
       is_current AS "isCurrent" FROM documents
     WHERE id = ANY(ARRAY(
       SELECT unnest($1::uuid[])
       UNION SELECT c.id FROM documents d JOIN documents c USING (external_id, collection_id)
             WHERE d.id = ANY($1::uuid[]) AND NOT d.is_current AND c.is_current))
     ORDER BY id FOR NO KEY UPDATE`,
    [documentIds],
  );
}

/**
 * Locks the current version of an external id. Uploads of one external id, and the versions that take over, wait for each other
 * here. Nothing is locked when the external id is new.
 */
export async function lockCurrent({ sql }: Session, name: { collectionId: string; externalId: string }): Promise<void> {
  const isIt = 'collection_id = $<collectionId> AND external_id = $<externalId> AND is_current';
  for (let tries = 0; tries < maxTries; tries += 1) {
    const locked = await sql.many(`SELECT id FROM documents WHERE ${isIt} FOR NO KEY UPDATE`, name);
    // None is locked when the one that was current is not any more. Then another one is.
    if (locked.length > 0 || (await sql.many(`SELECT id FROM documents WHERE ${isIt}`, name)).length === 0) {
      return;
    }
  }
  throw mustRunAgain('Other versions became current all the time.');
}
