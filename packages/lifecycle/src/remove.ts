import { type Actor, newId } from '@millrace/contracts';
import { type Database, mustRunAgain, type Session } from '@millrace/database';
import { maxTries } from './lockDocuments';
import { openChunk } from './sql';

export interface Removed {
  /** How many documents, versions included. */
  documents: number;
  /** The keys of the originals, for the caller to remove. */
  sourcePaths: string[];
}

/**
 * Deletes a document in any status. When it is the current version of an external id, all versions go with it, so that no older
 * one comes back. A worker that holds one of the rows finds it gone.
 * @returns null when there is no such document.
 */
export function deleteDocument(database: Database, documentId: string, actor: Actor): Promise<Removed | null> {
  return database.transaction(async (session) => {
    const documents = await lockWithVersions(session, [documentId]);
    if (!documents.some(({ id }) => id === documentId)) {
      return null;
    }
    await session.actions.record({ id: newId(), kind: 'delete', actor, documentId });
    return remove(session, documents);
  });
}

/** Deletes a version unless it has become current. @returns null when it stays, or when there is none. */
export function deleteOldVersion(database: Database, documentId: string): Promise<Removed | null> {
  return database.transaction(async (session) => {
    const documents = await lockWithVersions(session, [documentId]);
    return documents.some((document) => document.isCurrent) ? null : remove(session, documents);
  });
}

interface LockedVersion {
  id: string;
  sourcePath: string | null;
  isCurrent: boolean;
}

/** Deletes documents of a collection that is deleted as a whole, which is recorded once. Runs in a transaction. */
export async function deleteDocuments(session: Session, documentIds: readonly string[]): Promise<Removed> {
  return remove(session, await lockWithVersions(session, documentIds));
}

/** SQL: the ids of documents and, where they are current, of their other versions. */
const withVersions = `(SELECT unnest($1::uuid[]) UNION
  SELECT v.id FROM documents d JOIN documents v USING (external_id, collection_id)
  WHERE d.id = ANY($1::uuid[]) AND d.is_current)`;

/**
 * Locks documents, their versions where they are current, and their work, in the order of every settlement: unsettled chunks,
 * jobs, documents. Settled chunks belong to the transaction that holds their job. Nothing can become a version of a current
 * document whose lock is held.
 */
export async function lockWithVersions(session: Session, documentIds: readonly string[]): Promise<LockedVersion[]> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const locked = await lockOnce(session, documentIds);
    const { isAll } = await session.sql.one<{ isAll: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM documents WHERE id IN ${withVersions} AND id <> ALL ($2::uuid[])) AS "isAll"`,
      [documentIds, locked.map(({ id }) => id)],
    );
    // While this transaction waited, a version was uploaded, or one of the documents has become current.
    if (isAll) {
      return locked;
    }
  }
  throw mustRunAgain('Other versions came all the time.');
}

async function lockOnce({ sql }: Session, documentIds: readonly string[]): Promise<LockedVersion[]> {
  await sql.many(
    `SELECT FROM job_chunks WHERE job_id IN (SELECT id FROM jobs WHERE document_id IN ${withVersions})
       AND status IN ${openChunk} ORDER BY id FOR UPDATE`,
    [documentIds],
  );
  await sql.many(`SELECT FROM jobs WHERE document_id IN ${withVersions} ORDER BY id FOR UPDATE`, [documentIds]);
  return sql.many(
    `SELECT id, source_path AS "sourcePath", is_current AS "isCurrent" FROM documents
     WHERE id IN ${withVersions} ORDER BY id FOR UPDATE`,
    [documentIds],
  );
}

async function remove({ sql }: Session, documents: readonly LockedVersion[]): Promise<Removed> {
  await sql.none('DELETE FROM documents WHERE id = ANY($1::uuid[])', [documents.map(({ id }) => id)]);
  return { documents: documents.length, sourcePaths: documents.flatMap(({ sourcePath }) => sourcePath ?? []) };
}
