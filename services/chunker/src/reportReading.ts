import type { Database } from '@millrace/database';
import { type ClaimedJob, noteReading } from '@millrace/lifecycle';
import type { PageStep } from '@millrace/pdf';
import type { Logger } from '@millrace/telemetry';

/** How often a job tells its page at most. Most documents are read in less, and tell none. */
const reportEveryMs = 2_000;

/** Gives what takes the pages of a reading and shows, now and then, in the job which one it is at. */
export function reportReading(options: {
  database: Database;
  job: Pick<ClaimedJob, 'jobId' | 'token' | 'failedPages'>;
  logger: Logger;
  intervalMs?: number;
}): (step: PageStep) => void {
  const { database, job, logger, intervalMs = reportEveryMs } = options;
  const doing = job.failedPages === null ? 'reading' : 'reading failed pages again:';
  let last = performance.now();
  let writing = false;
  return ({ page, pages, ocr }) => {
    if (writing || performance.now() - last < intervalMs) {
      return;
    }
    writing = true;
    const of = pages === null ? '' : ` of ${pages}`;
    noteReading(database, job, `${doing} page ${page}${of}${ocr ? ' (OCR)' : ''}`)
      // The reading goes on without: whether it may is the lease's to say.
      .catch((error: unknown) => logger.debug({ err: error }, 'could not note the progress of a reading'))
      .finally(() => {
        writing = false;
        last = performance.now();
      });
  };
}
