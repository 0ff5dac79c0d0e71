import { type DocumentStatus, type JobStatus, jobHasEnded, mayLackPages } from '@millrace/contracts';
import type { PageFailures, Session } from '@millrace/database';
import { commonestFailure, describeMissing, type Failure } from './failures';
import { type LockedDocument, lockDocuments } from './lockDocuments';
import { takeOver } from './versions';

/*
 * The status of a document follows from its jobs of the kinds `ingest` and `reread`, its failed pages and its repair:
 *
 * 1. While one of the jobs has not ended, it is `processing`, or `queued` before the first claim.
 * 2. When its ingest job was cancelled and no reread job has stored what it read, it is `cancelled`.
 * 3. When no chunk and no page is missing, it is `ready`.
 * 4. When something is stored, it is `partial`.
 * 5. Otherwise it is `failed`.
 *
 * A version that becomes ready or partial takes the place of an older current one, in the same transaction.
 *
 * Every transition that ends one of these jobs, or makes one go on, calls refreshDocuments afterwards, in the same
 * transaction. Locks are taken in this order everywhere: unsettled chunks, jobs, documents, each by id. A transaction
 * that holds a document's lock sees the final status of each of its jobs, because every other transaction that ends one
 * needs that lock before it can commit.
 */

/** A job that a document's status depends on. */
interface DocumentJob {
  id: string;
  documentId: string;
  kind: 'ingest' | 'reread';
  status: JobStatus;
  totalChunks: number | null;
  processedChunks: number;
  errorCode: string | null;
  error: string | null;
}

/** Sets the status and the error of the documents to what their jobs and pages say. The caller holds the jobs it changed. */
export async function refreshDocuments(session: Session, documentIds: readonly string[]): Promise<void> {
  const documents = await lockDocuments(session, documentIds);
  await setStatuses(session, documents, await session.documentPages.failures(documents.map(({ id }) => id)));
}

/** The same as refreshDocuments, for a caller that has locked the documents and knows their failed pages. */
export async function setStatuses(
  session: Session,
  documents: readonly LockedDocument[],
  pages: ReadonlyMap<string, PageFailures>,
): Promise<void> {
  if (documents.length === 0) {
    return;
  }
  // A statement of its own, after the locks: it sees what the transactions before have committed.
  const jobs = await session.sql.many<DocumentJob>(
    `SELECT id, document_id AS "documentId", kind, status, total_chunks AS "totalChunks",
       processed_chunks AS "processedChunks", error_code AS "errorCode", error
     FROM jobs WHERE document_id = ANY($1::uuid[]) AND kind IN ('ingest', 'reread') ORDER BY created_at, id`,
    [documents.map(({ id }) => id)],
  );
  const jobsOf = new Map<string, DocumentJob[]>(documents.map(({ id }) => [id, []]));
  for (const job of jobs) {
    jobsOf.get(job.documentId)?.push(job);
  }
  const changes = [];
  for (const document of documents) {
    const own = jobsOf.get(document.id) ?? [];
    const failedPages = pages.get(document.id) ?? { count: 0, code: null };
    const status = statusOf(document, own, failedPages);
    const failure =
      status === 'processing' || status === 'ready'
        ? null
        : await failureOf(session, { status, repair: document.repair }, own, failedPages);
    if (!(status === 'processing' && isUnderWay(document.status))) {
      changes.push({ id: document.id, before: document.status, status, failure });
    }
  }
  if (changes.length > 0) {
    await session.sql.none(
      `UPDATE documents d SET status = n.status, error_code = n.code, error = n.message, updated_at = now()
       FROM unnest($<ids>::uuid[], $<before>::text[], $<statuses>::text[], $<codes>::text[], $<messages>::text[])
         AS n (id, before, status, code, message)
       WHERE d.id = n.id AND d.status = n.before`,
      {
        ids: changes.map(({ id }) => id),
        before: changes.map(({ before }) => before),
        statuses: changes.map(({ status }) => status),
        codes: changes.map(({ failure }) => failure?.code ?? null),
        messages: changes.map(({ failure }) => failure?.message ?? null),
      },
    );
  }
  const searchable = changes.filter(({ status }) => status === 'ready' || status === 'partial').map(({ id }) => id);
  await takeOver(
    session,
    documents.filter(({ id, isCurrent }) => !isCurrent && searchable.includes(id)).map(({ id }) => id),
  );
}

const isUnderWay = (status: DocumentStatus) => status === 'queued' || status === 'processing';

const sum = (jobs: readonly DocumentJob[], value: (job: DocumentJob) => number) =>
  jobs.reduce((total, job) => total + value(job), 0);

function statusOf(
  { repair }: LockedDocument,
  jobs: readonly DocumentJob[],
  pages: PageFailures,
): Exclude<DocumentStatus, 'queued'> {
  if (jobs.some((job) => !jobHasEnded(job.status))) {
    return 'processing';
  }
  const ingest = jobs.filter((job) => job.kind === 'ingest').at(-1);
  const hasStored = (job: DocumentJob) => job.status === 'completed' || job.status === 'completed_with_errors';
  if (ingest?.status === 'cancelled' && !jobs.some((job) => job.kind === 'reread' && hasStored(job))) {
    return 'cancelled';
  }
  const stored = sum(jobs, (job) => job.processedChunks);
  const isComplete =
    ingest?.totalChunks !== null &&
    stored === sum(jobs, (job) => job.totalChunks ?? 0) &&
    pages.count === 0 &&
    !mayLackPages(repair);
  return isComplete ? 'ready' : stored > 0 ? 'partial' : 'failed';
}

/** Returns the reason that the document shows when it is not ready. */
async function failureOf(
  session: Session,
  { status, repair }: Pick<LockedDocument, 'status' | 'repair'>,
  jobs: readonly DocumentJob[],
  pages: PageFailures,
): Promise<Failure> {
  const ingest = jobs.filter((job) => job.kind === 'ingest').at(-1);
  if (!ingest || ingest.totalChunks === null || status === 'cancelled') {
    return { code: ingest?.errorCode ?? 'INTERNAL', message: ingest?.error ?? '' };
  }
  const total = sum(jobs, (job) => job.totalChunks ?? 0);
  const missing = describeMissing({
    failedChunks: total - sum(jobs, (job) => job.processedChunks),
    totalChunks: total,
    failedPages: pages.count,
    pagesLost: mayLackPages(repair),
  });
  const last = jobs.at(-1);
  if (last?.kind === 'reread' && last.totalChunks === null && pages.count > 0) {
    const { errorCode, error } = last;
    return { code: errorCode ?? 'INTERNAL', message: `${missing}. Reading them again failed: ${error}` };
  }
  const chunks = await commonestFailure(
    session,
    jobs.map(({ id }) => id),
  );
  return chunks
    ? { code: chunks.code, message: `${missing}: ${chunks.message}` }
    : { code: pages.code ?? 'PDF_PAGES_LOST', message: `${missing}.` };
}
