import { type Actor, type JobDispatch, newId } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import { refreshDocuments } from './documentStatus';
import { openJob } from './sql';

/*
 * Reading failed pages again is a job of the kind reread. It has the same states as an ingest job: queued -> chunking
 * -> processing and so on. Its chunker reads only the document's failed pages, and only their outcomes change. Nothing
 * is stored before the whole result is, so a chunker that dies leaves nothing to undo. See
 * docs/decisions/0015-reread-jobs.md.
 */

export type PagesRetried =
  | { outcome: 'queued'; groupId: string; pages: number; job: JobDispatch }
  /** An ingest or reread job of the document has not ended. */
  | { outcome: 'in_progress' }
  /** All pages were read (unread files within the document are not read again), the document failed before any was, or the job is of a kind that reads none. */
  | { outcome: 'no_failed_pages' }
  | { outcome: 'original_gone' };

/**
 * Makes a job that reads the failed pages of a job's document again. The document has at most one that waits or reads:
 * its lock is held from the check to the insert. @returns null when there is no such job.
 */
export function retryPages(database: Database, jobId: string, actor: Actor): Promise<PagesRetried | null> {
  return database.transaction(async (session) => {
    const found = await session.sql.oneOrNone<{ kind: string; documentId: string; sourcePath: string | null }>(
      `SELECT j.kind, d.id AS "documentId", d.source_path AS "sourcePath"
       FROM jobs j JOIN documents d ON d.id = j.document_id WHERE j.id = $1 FOR NO KEY UPDATE OF d`,
      [jobId],
    );
    if (!found) {
      return null;
    }
    const { kind, documentId, sourcePath } = found;
    if (kind === 're-embed') {
      return { outcome: 'no_failed_pages' };
    }
    const { open, wasRead } = await session.sql.one<{ open: boolean; wasRead: boolean }>(
      `SELECT bool_or(status IN ${openJob}) AS open, bool_or(kind = 'ingest' AND total_chunks IS NOT NULL) AS "wasRead"
       FROM jobs WHERE document_id = $1 AND kind IN ('ingest', 'reread')`,
      [documentId],
    );
    if (open) {
      return { outcome: 'in_progress' };
    }
    const pages = (await session.documentPages.failedNumbers(documentId)).pages.length;
    if (!wasRead || pages === 0) {
      return { outcome: 'no_failed_pages' };
    }
    if (sourcePath === null) {
      return { outcome: 'original_gone' };
    }
    const groupId = newId();
    await session.retryGroups.insert({
      id: groupId,
      request: { job_id: jobId, pages: 'failed' },
      force: false,
      userId: actor.userId ?? null,
    });
    await session.actions.record({ id: groupId, kind: 'retry', actor, jobId });
    const job = await session.jobs.insertReread({ id: newId(), documentId, retryGroupId: groupId });
    await refreshDocuments(session, [documentId]);
    return { outcome: 'queued', groupId, pages, job: { ...job, delayMs: 0 } };
  });
}
