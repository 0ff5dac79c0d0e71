import type { MillraceError } from '@millrace/contracts';
import type { Database, NewDocumentPage, Session } from '@millrace/database';
import type { ClaimedJob } from './claimedJob';
import { refreshDocuments } from './documentStatus';
import type { Failure } from './failures';
import { endJobAs, endJobLease } from './sql';

/**
 * chunking -> failed: the input cannot be read. The document of an ingest job fails with it, and the outcomes of its
 * pages are stored where they are known. A reread job changes no page.
 * @returns null when the lease was lost; otherwise the key of the original when the caller is to remove it, because no
 * later reading could find more.
 */
export function failJob(
  database: Database,
  job: ClaimedJob,
  error: MillraceError,
  pages: readonly NewDocumentPage[] = [],
): Promise<{ sourcePath: string | null } | null> {
  return database.transaction(async (session) => {
    if (!(await endUnreadJob(session, job, error))) {
      return null;
    }
    if (job.kind === 'reread') {
      return { sourcePath: null };
    }
    await session.documentPages.replaceAll(job.documentId, pages);
    // When single pages failed, a later reading may succeed: with other limits, or on a machine with less load.
    if (!error.retryable && !pages.some((page) => page.outcome === 'failed')) {
      await session.sql.none('UPDATE documents SET source_path = NULL WHERE id = $1', [job.documentId]);
      return { sourcePath: job.sourcePath };
    }
    return { sourcePath: null };
  });
}

/** chunking -> failed for a job that the token still holds, and its document follows. @returns false when the lease was lost. */
export async function endUnreadJob(
  session: Session,
  { jobId, documentId, token }: Pick<ClaimedJob, 'jobId' | 'documentId' | 'token'>,
  { code, message }: Failure,
): Promise<boolean> {
  const ended = await session.sql.affected(
    `UPDATE jobs SET ${endJobAs(`'failed'`)}, ${endJobLease}, error_code = $<code>, error = $<message>
     WHERE id = $<jobId> AND status = 'chunking' AND lease_token = $<token>`,
    { jobId, token, code, message },
  );
  if (ended === 0) {
    return false;
  }
  await refreshDocuments(session, [documentId]);
  return true;
}
