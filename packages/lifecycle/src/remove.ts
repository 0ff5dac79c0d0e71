import type { Database } from '@millrace/database';

/**
 * Deletes a document at any point of its life: its rows go in one transaction, and whoever works on its chunks finds
 * them gone. Locks are taken in the order every settlement takes them: unsettled chunks, jobs, document; the settled
 * ones belong to whoever holds their job.
 * @returns the key of the original for the caller to remove, or null when there is no such document.
 */
export function deleteDocument(database: Database, documentId: string): Promise<{ sourcePath: string | null } | null> {
  return database.transaction(async (session) => {
    await session.sql.many(
      `SELECT FROM job_chunks WHERE job_id IN (SELECT id FROM jobs WHERE document_id = $1)
         AND status IN ('pending', 'processing', 'retry_scheduled') ORDER BY id FOR UPDATE`,
      [documentId],
    );
    await session.sql.many('SELECT FROM jobs WHERE document_id = $1 ORDER BY id FOR UPDATE', [documentId]);
    const document = await session.sql.oneOrNone<{ sourcePath: string | null }>(
      'DELETE FROM documents WHERE id = $1 RETURNING source_path AS "sourcePath"',
      [documentId],
    );
    return document;
  });
}
