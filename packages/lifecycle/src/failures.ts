import type { Session } from '@millrace/database';

/** Why something failed: an error code and its message. */
export interface Failure {
  code: string;
  message: string;
}

/** Counts what is missing, in words without a full stop. */
export function describeMissing(missing: {
  failedChunks: number;
  totalChunks: number;
  failedPages: number;
  pagesLost: boolean;
}): string {
  const { failedChunks, totalChunks, failedPages, pagesLost } = missing;
  return [
    ...(failedChunks > 0 ? [`${failedChunks} of ${totalChunks} chunks failed`] : []),
    ...(pagesLost ? ['pages of the PDF may be missing'] : []),
    ...(failedPages > 0 ? [`${failedPages} ${failedPages === 1 ? 'page' : 'pages'} could not be read`] : []),
  ].join(', ');
}

/** The error code that most of the jobs' failed and cancelled chunks share; null when they have no such chunk. */
export function commonestFailure(session: Session, jobIds: readonly string[]): Promise<Failure | null> {
  return session.sql.oneOrNone(
    `SELECT last_error_code AS code, min(last_error) AS message FROM job_chunks
     WHERE job_id = ANY($1::uuid[]) AND status IN ('failed', 'cancelled')
     GROUP BY last_error_code ORDER BY count(*) DESC, last_error_code LIMIT 1`,
    [jobIds],
  );
}
