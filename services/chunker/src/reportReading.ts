import type { Database } from '@millrace/database';
import { type ClaimedJob, noteReading } from '@millrace/lifecycle';
import type { Logger } from '@millrace/telemetry';
import type { PageStep } from './parseProtocol';

/** How often a job may show its page. Most documents are read in less time, and show none. */
const reportEveryMs = 2_000;

/** Makes the listener that shows in the job which page is being read, from time to time. */
export function reportReading(options: {
  database: Database;
  job: Pick<ClaimedJob, 'jobId' | 'token' | 'kind'>;
  logger: Logger;
  intervalMs?: number;
}): (step: PageStep) => void {
  const { database, job, logger, intervalMs = reportEveryMs } = options;
  const doing = job.kind === 'ingest' ? 'reading' : 'reading failed pages again:';
  let last = performance.now();
  let writing = false;
  return ({ page, pages, ocr }) => {
    if (writing || performance.now() - last < intervalMs) {
      return;
    }
    writing = true;
    const of = pages === null ? '' : ` of ${pages}`;
    noteReading(database, job, `${doing} page ${page}${of}${ocr ? ' (OCR)' : ''}`)
      // The reading continues. Only the lease decides whether it may.
      .catch((error: unknown) => logger.debug({ err: error }, 'could not note the progress of a reading'))
      .finally(() => {
        writing = false;
        last = performance.now();
      });
  };
}
