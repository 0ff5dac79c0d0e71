import type { DocumentRepair, DocumentStatus } from '@millrace/contracts';
import type { Session } from '@millrace/database';

export interface LockedDocument {
  id: string;
  status: DocumentStatus;
  repair: DocumentRepair | null;
  externalId: string | null;
  isCurrent: boolean;
}

/**
 * Locks the given documents that exist, in the order of their ids, and with a version that is not current also the current one,
 * whose place it may take. Rows that refer to them can still be inserted.
 */
export async function lockDocuments(session: Session, documentIds: readonly string[]): Promise<LockedDocument[]> {
  if (documentIds.length === 0) {
    return [];
  }
  const locked = await session.sql.many<LockedDocument>(
    `SELECT id, status, repair, external_id AS "externalId",
       is_current AS "isCurrent" FROM documents
     WHERE id = ANY(ARRAY(
       SELECT unnest($1::uuid[])
       UNION SELECT c.id FROM documents d JOIN documents c USING (external_id, collection_id)
             WHERE d.id = ANY($1::uuid[]) AND NOT d.is_current AND c.is_current))
     ORDER BY id FOR NO KEY UPDATE`,
    [documentIds],
  );
  return locked.filter(({ id }) => documentIds.includes(id));
}
