import {
  type DocumentDetail,
  type DocumentView,
  type JobChunkDetail,
  type JobChunkStatus,
  type JobChunkView,
  type JobView,
  jobChunkStatus,
  jobHasEnded,
  mayLackPages,
  type StatusCounts,
} from '@millrace/contracts';
import type {
  ChunkAttemptRow,
  DocumentPageRow,
  DocumentRow,
  JobChunkDetailRow,
  JobChunkRow,
  JobRow,
} from '@millrace/database';
import { storedProblem } from './http/problems';

const base = '/api/v1';

const iso = (date: Date) => date.toISOString();
const isoOrNull = (date: Date | null) => date?.toISOString() ?? null;

export function documentLinks(documentId: string, jobId: string) {
  const self = `${base}/documents/${documentId}`;
  return { self, chunks: `${self}/chunks`, pages: `${self}/pages`, job: `${base}/jobs/${jobId}` };
}

export function documentView(row: DocumentRow): DocumentView {
  return {
    id: row.id,
    collection_id: row.collection_id,
    filename: row.filename,
    title: row.title,
    content_hash: row.content_hash,
    mime_type: row.mime_type,
    size_bytes: row.size_bytes,
    page_count: row.page_count,
    total_chunks: row.total_chunks,
    repair: row.repair,
    metadata: row.metadata,
    status: row.status,
    error: storedProblem(row.error_code, row.error),
    job_id: row.job_id,
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
    links: documentLinks(row.id, row.job_id),
  };
}

/**
 * The chunks and pages that a document lacks: how many there are, and those that are named.
 * @returns null when it lacks nothing.
 */
export function missingView(
  chunks: { count: number; chunks: JobChunkRow[] },
  pages: { count: number; pages: Pick<DocumentPageRow, 'page' | 'error_code'>[] },
  repair: DocumentRow['repair'],
): DocumentDetail['missing'] {
  const pagesLost = mayLackPages(repair);
  if (chunks.count + pages.count === 0 && !pagesLost) {
    return null;
  }
  return {
    chunk_count: chunks.count,
    page_count: pages.count,
    pages_lost: pagesLost,
    chunks: chunks.chunks.map((chunk) => ({
      id: chunk.id,
      chunk_index: chunk.chunk_index,
      page_start: chunk.page_start,
      page_end: chunk.page_end,
      error_code: chunk.last_error_code,
    })),
    pages: pages.pages,
  };
}

/** Short of 1 while there is anything to do, such as failed pages to read again when all chunks are settled. */
const almostDone = 0.99;

/** Chunks settled of all chunks; a job that has not been chunked yet is at 0, one that has ended, and no other, at 1. */
function progressOf(row: JobRow): number {
  if (jobHasEnded(row.status)) {
    return 1;
  }
  const settled = row.processed_chunks + row.failed_chunks;
  return row.total_chunks ? Math.min(almostDone, settled / row.total_chunks) : 0;
}

export function jobLinks(jobId: string) {
  const self = `${base}/jobs/${jobId}`;
  return {
    self,
    chunks: `${self}/chunks`,
    retry: `${self}/chunks/retry`,
    retry_pages: `${self}/pages/retry`,
    cancel: `${self}/cancel`,
  };
}

/** Where a retry can be followed; nowhere when nothing was scheduled. */
export function retryLinks(groupId: string | null): Record<string, string> {
  return groupId ? { self: `${base}/retries/${groupId}` } : {};
}

export function jobView(row: JobRow): JobView {
  return {
    id: row.id,
    document_id: row.document_id,
    kind: row.kind,
    status: row.status,
    current_step: row.current_step,
    total_chunks: row.total_chunks,
    processed_chunks: row.processed_chunks,
    failed_chunks: row.failed_chunks,
    progress: progressOf(row),
    retry_count: row.retry_count,
    max_retries: row.max_retries,
    error: storedProblem(row.error_code, row.error),
    created_at: iso(row.created_at),
    started_at: isoOrNull(row.started_at),
    finished_at: isoOrNull(row.finished_at),
    links: { ...jobLinks(row.id), document: `${base}/documents/${row.document_id}` },
  };
}

export function jobChunkView(row: JobChunkRow): JobChunkView {
  return {
    id: row.id,
    chunk_index: row.chunk_index,
    page_start: row.page_start,
    page_end: row.page_end,
    status: row.status,
    attempts: row.attempts,
    max_retries: row.max_retries,
    last_error_code: row.last_error_code,
    last_error: row.last_error,
    queue_job_id: row.queue_job_id,
    next_attempt_at: isoOrNull(row.next_attempt_at),
    processed_at: isoOrNull(row.processed_at),
    created_at: iso(row.created_at),
    updated_at: iso(row.updated_at),
  };
}

export function jobChunkDetailView(row: JobChunkDetailRow, history: ChunkAttemptRow[]): JobChunkDetail {
  return {
    ...jobChunkView(row),
    job_id: row.job_id,
    worker: row.worker,
    started_at: isoOrNull(row.started_at),
    lease_expires_at: isoOrNull(row.lease_expires_at),
    chunk_hash: row.chunk_hash,
    content_hash: row.content_hash,
    retry_group_id: row.retry_group_id,
    history: history.map((attempt) => ({
      ...attempt,
      started_at: isoOrNull(attempt.started_at),
      finished_at: iso(attempt.finished_at),
    })),
  };
}

/** Every status with its count, zeros included, and the total. */
export function statusCounts(counts: Partial<Record<JobChunkStatus, number>>): StatusCounts {
  const byStatus = Object.fromEntries(jobChunkStatus.options.map((status) => [status, counts[status] ?? 0]));
  const total = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  return { ...(byStatus as Omit<StatusCounts, 'total'>), total };
}
