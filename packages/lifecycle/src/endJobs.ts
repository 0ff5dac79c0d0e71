import { type JobKind, type JobStatus, mayLackPages } from '@millrace/contracts';
import type { PageFailures, Session } from '@millrace/database';
import { setStatuses } from './documentStatus';
import { commonestFailure, describeMissing, type Failure } from './failures';
import { lockDocuments } from './lockDocuments';
import { endJobAs, runningJob } from './sql';

/** The counters of a job that has chunks. */
export interface Counters {
  id: string;
  documentId: string;
  kind: JobKind;
  totalChunks: number;
  processedChunks: number;
  failedChunks: number;
  /** Retry rounds that have begun, and how many there may be. */
  retryCount: number;
  maxRetries: number;
}

/** SQL: a job's Counters. */
export const counters = `id, document_id AS "documentId", kind, total_chunks AS "totalChunks",
  processed_chunks AS "processedChunks", failed_chunks AS "failedChunks",
  retry_count AS "retryCount", max_retries AS "maxRetries"`;

interface JobEnd {
  job: Counters;
  status: JobStatus;
  failure: Failure | null;
}

/**
 * processing | retrying -> completed | completed_with_errors | failed for jobs whose chunks are all settled. Their
 * documents follow; a re-embed job leaves its document as it is. The caller holds the jobs' locks.
 * @returns the status of each job.
 */
export async function endJobs(session: Session, jobs: readonly Counters[]): Promise<Map<string, JobStatus>> {
  if (jobs.length === 0) {
    return new Map();
  }
  const documentIds = [...new Set(jobs.filter((job) => job.kind !== 're-embed').map((job) => job.documentId))];
  const documents = await lockDocuments(session, documentIds);
  const pages = await session.documentPages.failures(documentIds);
  const ends: JobEnd[] = [];
  for (const job of jobs) {
    const repair = documents.find(({ id }) => id === job.documentId)?.repair ?? null;
    // Reading single pages again cannot find the pages that a broken file has lost.
    const pagesLost = job.kind === 'ingest' && mayLackPages(repair);
    ends.push(await endOf(session, job, { ...(pages.get(job.documentId) ?? noFailures), pagesLost }));
  }
  await session.sql.none(
    `UPDATE jobs j SET ${endJobAs('n.status')}, error_code = n.code, error = n.message
     FROM unnest($<ids>::uuid[], $<statuses>::text[], $<codes>::text[], $<messages>::text[])
       AS n (id, status, code, message)
     WHERE j.id = n.id AND j.status IN ${runningJob}`,
    {
      ids: ends.map(({ job }) => job.id),
      statuses: ends.map(({ status }) => status),
      codes: ends.map(({ failure }) => failure?.code ?? null),
      messages: ends.map(({ failure }) => failure?.message ?? null),
    },
  );
  await setStatuses(session, documents, pages);
  return new Map(ends.map(({ job, status }) => [job.id, status]));
}

const noFailures: PageFailures = { count: 0, code: null };

async function endOf(session: Session, job: Counters, pages: PageFailures & { pagesLost: boolean }): Promise<JobEnd> {
  if (job.failedChunks === 0 && pages.count === 0 && !pages.pagesLost) {
    return { job, status: 'completed', failure: null };
  }
  const missing = describeMissing({
    failedChunks: job.failedChunks,
    totalChunks: job.totalChunks,
    failedPages: pages.count,
    pagesLost: pages.pagesLost,
  });
  const chunks = job.failedChunks > 0 ? await commonestFailure(session, [job.id]) : null;
  return {
    job,
    status: job.processedChunks > 0 ? 'completed_with_errors' : 'failed',
    failure: chunks
      ? { code: chunks.code, message: `${missing}: ${chunks.message}` }
      : { code: pages.code ?? 'PDF_PAGES_LOST', message: `${missing}.` },
  };
}
