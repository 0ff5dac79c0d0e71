import {
  type ActionView,
  type CollectionMemberView,
  type CollectionRole,
  type CollectionView,
  type DocumentChunksResponse,
  type DocumentDetail,
  type DocumentPagesResponse,
  type DocumentView,
  type JobChunkDetail,
  type JobChunkStatus,
  type JobChunkView,
  type JobStatus,
  type JobView,
  jobChunkStatus,
  jobHasEnded,
  type ListedJobView,
  type ListedRetryView,
  mayLackPages,
  type RetryGroupView,
  type RetryResponse,
  type SearchResponse,
  type StatusCounts,
} from '@millrace/contracts';
import type {
  ActionRow,
  ChunkAttemptRow,
  CollectionMemberRow,
  CollectionRow,
  CollectionUse,
  DocumentChunkRow,
  DocumentPageRow,
  DocumentRow,
  JobChunkDetailRow,
  JobChunkRow,
  JobRow,
  ListedJobRow,
  RetryGroupRow,
  SearchRow,
} from '@millrace/database';
import type { SkippedChunk } from '@millrace/lifecycle';
import { storedProblem } from './http/problems';

/** How many skipped chunks an answer names for each reason. */
const namedSkipped = 100;

const base = '/api/v1';

const iso = (date: Date) => date.toISOString();
const isoOrNull = (date: Date | null) => date?.toISOString() ?? null;

export function collectionView(
  row: CollectionRow,
  role: CollectionRole | null,
  { documents, bytes, chunks, chunksToday }: CollectionUse,
): CollectionView {
  const self = `${base}/collections/${row.id}`;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    metadata: row.metadata,
    language: row.language,
    status: row.status,
    owner_id: row.ownerId,
    role,
    documents: { total: Object.values(documents).reduce((sum, count) => sum + count, 0), by_status: documents },
    bytes,
    chunks,
    chunks_today: chunksToday,
    quotas: {
      max_documents: row.quotas.maxDocuments,
      max_bytes: row.quotas.maxBytes,
      max_chunks_per_day: row.quotas.maxChunksPerDay,
    },
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
    links: { self, members: `${self}/members`, documents: `${base}/documents?collection_id=${row.id}` },
  };
}

export function memberView({ isOwner, createdAt, ...row }: CollectionMemberRow): CollectionMemberView {
  return { ...row, is_owner: isOwner, created_at: iso(createdAt) };
}

export function documentLinks(documentId: string, jobId: string) {
  const self = `${base}/documents/${documentId}`;
  return {
    self,
    chunks: `${self}/chunks`,
    pages: `${self}/pages`,
    versions: `${self}/versions`,
    job: `${base}/jobs/${jobId}`,
  };
}

export function documentView(row: DocumentRow): DocumentView {
  return {
    id: row.id,
    collection_id: row.collectionId,
    external_id: row.externalId,
    version: row.version,
    is_current: row.isCurrent,
    filename: row.filename,
    title: row.title,
    content_hash: row.contentHash,
    mime_type: row.mimeType,
    size_bytes: row.sizeBytes,
    page_count: row.pageCount,
    total_chunks: row.totalChunks,
    repair: row.repair,
    metadata: row.metadata,
    status: row.status,
    error: storedProblem(row.errorCode, row.error),
    job_id: row.jobId,
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
    links: documentLinks(row.id, row.jobId),
  };
}

/** What a document lacks. @returns null when it lacks nothing. */
export function missingView(
  chunks: { count: number; chunks: JobChunkRow[] },
  pages: { count: number; pages: Pick<DocumentPageRow, 'page' | 'errorCode'>[] },
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
      chunk_index: chunk.chunkIndex,
      page_start: chunk.pageStart,
      page_end: chunk.pageEnd,
      error_code: chunk.lastErrorCode,
    })),
    pages: pages.pages.map(({ page, errorCode }) => ({ page, error_code: errorCode })),
  };
}

/** The most progress of a job that has not ended. */
const almostDone = 0.99;

/** The settled share of a job's chunks: 0 before it has chunks, 1 only once it has ended. */
function progressOf(row: JobRow): number {
  if (jobHasEnded(row.status)) {
    return 1;
  }
  const settled = row.processedChunks + row.failedChunks;
  return row.totalChunks ? Math.min(almostDone, settled / row.totalChunks) : 0;
}

export function documentChunkView(row: DocumentChunkRow): DocumentChunksResponse['chunks'][number] {
  return {
    id: row.id,
    chunk_index: row.chunkIndex,
    text: row.content,
    token_count: row.tokenCount,
    page_start: row.pageStart,
    page_end: row.pageEnd,
    section: row.section,
    coordinates: row.coordinates,
    metadata: row.metadata,
    content_hash: row.contentHash,
    chunk_hash: row.chunkHash,
    embedding_model: row.embeddingModel,
  };
}

export function documentPageView({
  errorCode,
  textLayer,
  ...row
}: DocumentPageRow): DocumentPagesResponse['pages'][number] {
  return { ...row, error_code: errorCode, text_layer: textLayer };
}

export function searchHitView(row: SearchRow): SearchResponse['hits'][number] {
  return {
    chunk_id: row.chunkId,
    document_id: row.documentId,
    collection_id: row.collectionId,
    external_id: row.externalId,
    version: row.version,
    filename: row.filename,
    document_status: row.documentStatus,
    text: row.content,
    score: row.score,
    page_start: row.pageStart,
    page_end: row.pageEnd,
    section: row.section,
    coordinates: row.coordinates,
  };
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

/** The address of a retry group; nothing when nothing was retried. */
export function retryLinks(groupId: string | null): Record<string, string> {
  return groupId ? { self: `${base}/retries/${groupId}` } : {};
}

export function jobView(row: JobRow): JobView {
  return {
    id: row.id,
    document_id: row.documentId,
    kind: row.kind,
    status: row.status,
    current_step: row.currentStep,
    total_chunks: row.totalChunks,
    processed_chunks: row.processedChunks,
    failed_chunks: row.failedChunks,
    progress: progressOf(row),
    retry_count: row.retryCount,
    max_retries: row.maxRetries,
    error: storedProblem(row.errorCode, row.error),
    created_at: iso(row.createdAt),
    started_at: isoOrNull(row.startedAt),
    finished_at: isoOrNull(row.finishedAt),
    pruned_at: isoOrNull(row.prunedAt),
    links: { ...jobLinks(row.id), document: `${base}/documents/${row.documentId}` },
  };
}

export function listedJobView(row: ListedJobRow): ListedJobView {
  return { ...jobView(row), filename: row.filename, collection_id: row.collectionId };
}

export function jobChunkView(row: JobChunkRow): JobChunkView {
  return {
    id: row.id,
    chunk_index: row.chunkIndex,
    page_start: row.pageStart,
    page_end: row.pageEnd,
    page_count: row.pageCount,
    has_overlap: row.hasOverlap,
    storage_url: row.storageUrl,
    status: row.status,
    attempts: row.attempts,
    max_retries: row.maxRetries,
    last_error_code: row.lastErrorCode,
    last_error: row.lastError,
    result_json: row.result,
    queue_job_id: row.queueJobId,
    next_attempt_at: isoOrNull(row.nextAttemptAt),
    processed_at: isoOrNull(row.processedAt),
    created_at: iso(row.createdAt),
    updated_at: iso(row.updatedAt),
  };
}

export function jobChunkDetailView(row: JobChunkDetailRow, history: ChunkAttemptRow[]): JobChunkDetail {
  return {
    ...jobChunkView(row),
    job_id: row.jobId,
    worker: row.worker,
    started_at: isoOrNull(row.startedAt),
    lease_expires_at: isoOrNull(row.leaseExpiresAt),
    chunk_hash: row.chunkHash,
    content_hash: row.contentHash,
    retry_group_id: row.retryGroupId,
    history: history.map((attempt) => ({
      attempt: attempt.attempt,
      round: attempt.round,
      worker: attempt.worker,
      outcome: attempt.outcome,
      error_code: attempt.errorCode,
      error: attempt.error,
      started_at: isoOrNull(attempt.startedAt),
      finished_at: iso(attempt.finishedAt),
      retry_group_id: attempt.retryGroupId,
    })),
  };
}

export function skippedView(skipped: readonly SkippedChunk[]): RetryResponse['skipped'] {
  const groups = new Map<SkippedChunk['reason'], string[]>();
  for (const { id, reason } of skipped) {
    const ids = groups.get(reason);
    if (ids) {
      ids.push(id);
    } else {
      groups.set(reason, [id]);
    }
  }
  return [...groups].map(([reason, ids]) => ({ reason, count: ids.length, chunk_ids: ids.slice(0, namedSkipped) }));
}

export function actionView(row: ActionRow, showsOrigin: boolean): ActionView {
  return {
    id: row.id,
    kind: row.kind,
    requested_by: row.actor,
    requested_at: iso(row.requestedAt),
    collection_id: row.collectionId,
    document_id: row.documentId,
    filename: row.filename,
    job_id: row.jobId,
    user_id: row.userId,
    address: showsOrigin ? row.address : null,
    request_id: showsOrigin ? row.requestId : null,
    details: row.details,
  };
}

export function listedRetryView(group: RetryGroupRow): ListedRetryView {
  return {
    group_id: group.id,
    requested_at: iso(group.requestedAt),
    requested_by: group.requestedBy,
    request: group.request,
    force: group.force,
    scheduled: group.scheduled,
    links: retryLinks(group.id),
  };
}

export function retryGroupView(
  group: RetryGroupRow,
  progress: {
    chunks: Partial<Record<JobChunkStatus, number>>;
    jobs: Partial<Record<JobStatus, number>>;
    done: boolean;
  },
): RetryGroupView {
  return {
    ...listedRetryView(group),
    summary: statusCounts(progress.chunks),
    jobs: progress.jobs,
    done: progress.done,
  };
}

/** Counts every status, zeros included, and all of them together. */
export function statusCounts(counts: Partial<Record<JobChunkStatus, number>>): StatusCounts {
  const byStatus = Object.fromEntries(jobChunkStatus.options.map((status) => [status, counts[status] ?? 0]));
  const total = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
  return { ...(byStatus as Omit<StatusCounts, 'total'>), total };
}
