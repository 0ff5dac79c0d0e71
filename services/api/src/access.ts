import { MillraceError } from '@millrace/contracts';
import type { Database } from '@millrace/database';

/** @throws MillraceError COLLECTION_NOT_FOUND or DOCUMENT_NOT_FOUND when what a request is limited to does not exist. */
export async function requireScope(
  database: Database,
  scope: { collection_id?: string | undefined; document_id?: string | undefined },
): Promise<void> {
  if (scope.collection_id && !(await database.collections.find(scope.collection_id))) {
    throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${scope.collection_id}`);
  }
  if (scope.document_id && !(await database.documents.find(scope.document_id))) {
    throw new MillraceError('DOCUMENT_NOT_FOUND', `There is no document ${scope.document_id}`);
  }
}
