import { type Actor, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { openChunk } from './sql';

/**
 * Deletes a document in any status. Its rows go in one transaction, and a worker that holds one of them finds it gone.
 * Locks are taken in the order of every settlement: unsettled chunks, jobs, document. Settled chunks belong to the
 * transaction that holds their job.
 * @returns the key of the original for the caller to remove, or null when there is no such document.
 */
export function deleteDocument(
  database: Database,
  documentId: string,
  actor: Actor,
): Promise<{ sourcePath: string | null } | null> {
  return database.transaction(async (session) => {
    await session.sql.many(
      `SELECT FROM job_chunks WHERE job_id IN (SELECT id FROM jobs WHERE document_id = $1)
         AND status IN ${openChunk} ORDER BY id FOR UPDATE`,
      [documentId],
    );
    await session.sql.many('SELECT FROM jobs WHERE document_id = $1 ORDER BY id FOR UPDATE', [documentId]);
    const document = await session.sql.oneOrNone<{ sourcePath: string | null }>(
      'SELECT source_path AS "sourcePath" FROM documents WHERE id = $1 FOR UPDATE',
      [documentId],
    );
    if (document) {
      await session.actions.record({ id: newId(), kind: 'delete', actor, documentId });
      await session.sql.none('DELETE FROM documents WHERE id = $1', [documentId]);
    }
    return document;
  });
}
