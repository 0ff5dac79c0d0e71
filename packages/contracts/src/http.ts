import { z } from 'zod';
import { boxSchema } from './chunks';
import { idSchema } from './ids';
import { metadataFilterSchema } from './metadata';
import { documentRepair, documentStatus, jobChunkStatus, jobKind, jobStatus, pageOutcome } from './statuses';

const timestamp = z.iso.datetime();
const count = z.int().min(0);

/** RFC 9457 problem document. `code` is stable; `request_id` stands in the logs. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  retryable: z.boolean(),
  advice: z.string(),
  request_id: z.string().optional(),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export const documentSchema = z.object({
  id: idSchema,
  collection_id: idSchema,
  filename: z.string(),
  /** The title the file gives itself, or null. */
  title: z.string().nullable(),
  content_hash: z.string(),
  mime_type: z.string(),
  size_bytes: count,
  page_count: count.nullable(),
  total_chunks: count.nullable(),
  /** How a broken file was made readable; null for one that is not broken, or not read yet. */
  repair: documentRepair.nullable(),
  metadata: z.record(z.string(), z.unknown()),
  status: documentStatus,
  error: problemSchema.nullable(),
  /** The newest job over the document. */
  job_id: idSchema,
  created_at: timestamp,
  updated_at: timestamp,
  links: z.record(z.string(), z.string()),
});
export type DocumentView = z.infer<typeof documentSchema>;

/** What a document lacks: its newest job's chunks that are failed or cancelled, and its pages that could not be read. */
export const missingSchema = z.object({
  chunk_count: count,
  page_count: count,
  /** True when there may be more pages, which nothing names: the list of pages of a broken PDF was lost. */
  pages_lost: z.boolean(),
  /** The first hundred of each, in reading order. */
  chunks: z.array(
    z.object({
      id: idSchema,
      chunk_index: count,
      page_start: z.int(),
      page_end: z.int(),
      error_code: z.string().nullable(),
    }),
  ),
  pages: z.array(z.object({ page: z.int(), error_code: z.string().nullable() })),
});

/** One document, with what it lacks: null while nothing is known to be missing. */
export const documentDetailSchema = documentSchema.extend({ missing: missingSchema.nullable() });
export type DocumentDetail = z.infer<typeof documentDetailSchema>;

export const jobSchema = z.object({
  id: idSchema,
  document_id: idSchema,
  kind: jobKind,
  status: jobStatus,
  /** What is being done now, for people. */
  current_step: z.string(),
  total_chunks: count.nullable(),
  processed_chunks: count,
  failed_chunks: count,
  /** From 0 to 1; 1 once the job has ended. */
  progress: z.number().min(0).max(1),
  /** Retry rounds begun so far, and how many there may be. */
  retry_count: count,
  max_retries: count,
  error: problemSchema.nullable(),
  created_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  links: z.record(z.string(), z.string()),
});
export type JobView = z.infer<typeof jobSchema>;

/** 202 for a new document, 200 for one the collection already holds. */
export const uploadResponseSchema = z.object({
  duplicate: z.boolean(),
  document: documentSchema,
  job: jobSchema,
  links: z.record(z.string(), z.string()),
});
export type UploadResponse = z.infer<typeof uploadResponseSchema>;

export const jobChunkSchema = z.object({
  id: idSchema,
  chunk_index: count,
  page_start: z.int(),
  page_end: z.int(),
  status: jobChunkStatus,
  attempts: count,
  max_retries: count,
  last_error_code: z.string().nullable(),
  last_error: z.string().nullable(),
  queue_job_id: z.string(),
  next_attempt_at: timestamp.nullable(),
  processed_at: timestamp.nullable(),
  created_at: timestamp,
  updated_at: timestamp,
});
export type JobChunkView = z.infer<typeof jobChunkSchema>;

/** How many chunks stand in each status; always all statuses, and their total. */
const statusCounts = z.object({
  total: count,
  pending: count,
  processing: count,
  success: count,
  failed: count,
  retry_scheduled: count,
  cancelled: count,
});
export type StatusCounts = z.infer<typeof statusCounts>;

/** One claim of a chunk by a worker that failed, or that succeeded after others had failed. */
export const chunkAttemptSchema = z.object({
  attempt: z.int().min(1),
  round: z.int().min(1),
  worker: z.string().nullable(),
  outcome: z.enum(['failed', 'success']),
  error_code: z.string().nullable(),
  error: z.string().nullable(),
  started_at: timestamp.nullable(),
  finished_at: timestamp,
  /** The operator's retry that this attempt belongs to, or null where it was made by itself. */
  retry_group_id: idSchema.nullable(),
});

/** One chunk with its history. A chunk that succeeded at its first attempt has none. */
export const jobChunkDetailSchema = jobChunkSchema.extend({
  job_id: idSchema,
  worker: z.string().nullable(),
  started_at: timestamp.nullable(),
  lease_expires_at: timestamp.nullable(),
  chunk_hash: z.string(),
  content_hash: z.string(),
  retry_group_id: idSchema.nullable(),
  history: z.array(chunkAttemptSchema),
});
export type JobChunkDetail = z.infer<typeof jobChunkDetailSchema>;

export const jobChunksResponseSchema = z.object({
  job_id: idSchema,
  summary: statusCounts,
  /** How many failed chunks have which error code, the commonest first. */
  error_codes: z.array(z.object({ code: z.string(), count })),
  chunks: z.array(jobChunkSchema),
  next_cursor: z.string().nullable(),
});
export type JobChunksResponse = z.infer<typeof jobChunksResponseSchema>;

export const documentChunkSchema = z.object({
  id: idSchema,
  chunk_index: count,
  text: z.string(),
  token_count: count,
  page_start: z.int(),
  page_end: z.int(),
  section: z.string().nullable(),
  coordinates: z.array(boxSchema),
  content_hash: z.string(),
  chunk_hash: z.string(),
  embedding_model: z.string().nullable(),
});
export type DocumentChunkView = z.infer<typeof documentChunkSchema>;

export const documentChunksResponseSchema = z.object({
  document_id: idSchema,
  chunks: z.array(documentChunkSchema),
  next_cursor: z.string().nullable(),
});
export type DocumentChunksResponse = z.infer<typeof documentChunksResponseSchema>;

export const documentPageSchema = z.object({
  page: z.int().min(1),
  /** What the document itself calls the page, such as iv or A-3. */
  label: z.string().nullable(),
  /** Points (1/72 inch), as the page is shown. */
  width: z.number(),
  height: z.number(),
  outcome: pageOutcome,
  characters: count,
  error_code: z.string().nullable(),
});
export type DocumentPageView = z.infer<typeof documentPageSchema>;

export const documentPagesResponseSchema = z.object({
  document_id: idSchema,
  pages: z.array(documentPageSchema),
  next_cursor: z.string().nullable(),
});
export type DocumentPagesResponse = z.infer<typeof documentPagesResponseSchema>;

export const pageQuerySchema = z.object({
  limit: z.coerce.number<string>().int().min(1).max(500).default(100),
  cursor: z.string().max(200).optional(),
});

const errorCode = z
  .string()
  .max(100)
  .regex(/^[A-Z0-9_]+$/, 'must be an error code, such as EMBEDDING_TIMEOUT');
const errorCodes = z.array(errorCode).min(1).max(100);

export const jobChunksQuerySchema = pageQuerySchema.extend({
  status: jobChunkStatus.optional(),
  error_code: errorCode.optional(),
});

/** Which of a job's failed or cancelled chunks to retry: all, or those named. */
export const retryChunksRequestSchema = z.strictObject({
  chunk_ids: z.array(idSchema).min(1).max(10_000).optional(),
  error_codes: errorCodes.optional(),
  /** Also those that have used up their attempts; each gets one more. */
  force: z.boolean().default(false),
});

/** Why a chunk is not retried. */
export const skipReason = z.enum([
  /** The job has no such chunk. */
  'not_found',
  /** It is a success, which a retry never touches. */
  'succeeded',
  /** It waits or is being worked on. */
  'in_progress',
  /** It has another error code than those named. */
  'other_error_code',
  /** It has used up its attempts; `force` gives it another. */
  'attempts_exhausted',
  /** Its text is no longer kept (PAYLOAD_RETENTION_MS); upload the document again. */
  'payload_expired',
  /** Its document could not be read, and the original is no longer kept; upload it again. */
  'original_removed',
]);
export type SkipReason = z.infer<typeof skipReason>;

export const retryResponseSchema = z.object({
  /** Follow the retry at links.self; null when nothing was scheduled. */
  group_id: idSchema.nullable(),
  scheduled: count,
  /** Chunks that were not scheduled, by reason, with the first hundred ids of each. */
  skipped: z.array(z.object({ reason: skipReason, count, chunk_ids: z.array(idSchema) })),
  /** True when the job had not got as far as chunks, and its document is read again. */
  job_restarted: z.boolean(),
  links: z.record(z.string(), z.string()),
});
export type RetryResponse = z.infer<typeof retryResponseSchema>;

/** Why no page is read again. */
export const pagesRetrySkipReason = z.enum([
  /** The job is under way. */
  'in_progress',
  /** No page of its document has failed, or the job ended before any had been read. */
  'no_failed_pages',
]);

export const retryPagesResponseSchema = z.object({
  /** Follow the retry at links.self; null when nothing is read again. */
  group_id: idSchema.nullable(),
  /** How many pages are read again: all that have failed. */
  pages: count,
  reason: pagesRetrySkipReason.nullable(),
  links: z.record(z.string(), z.string()),
});
export type RetryPagesResponse = z.infer<typeof retryPagesResponseSchema>;

/** Which failed chunks, and jobs that failed before they had any, to retry; at least one condition, and all of them hold. */
export const bulkRetryRequestSchema = z
  .strictObject({
    collection_id: idSchema.optional(),
    document_id: idSchema.optional(),
    error_codes: errorCodes.optional(),
    failed_after: z.iso.datetime({ offset: true }).optional(),
    failed_before: z.iso.datetime({ offset: true }).optional(),
    force: z.boolean().default(false),
    /** Only counts what would be scheduled. */
    dry_run: z.boolean().default(false),
  })
  .refine(({ force: _force, dry_run: _dryRun, ...conditions }) => Object.keys(conditions).length > 0, {
    message: 'Name at least one of collection_id, document_id, error_codes, failed_after, failed_before',
  });

export const bulkRetryResponseSchema = z.object({
  dry_run: z.boolean(),
  group_id: idSchema.nullable(),
  /** Chunks scheduled, and of how many jobs; with dry_run those that would be. */
  scheduled: count,
  jobs: count,
  /** Jobs that failed before they had chunks, and whose documents are read again. */
  jobs_restarted: count,
  /** Failed chunks that fit the conditions and were not scheduled, and jobs that were not restarted, by reason. */
  skipped: z.array(z.object({ reason: skipReason, count })),
  links: z.record(z.string(), z.string()),
});
export type BulkRetryResponse = z.infer<typeof bulkRetryResponseSchema>;

/** How far an operator's retry has come. Chunks that a later retry took over are counted there. */
export const retryGroupSchema = z.object({
  group_id: idSchema,
  requested_at: timestamp,
  request: z.record(z.string(), z.unknown()),
  force: z.boolean(),
  scheduled: count,
  summary: statusCounts,
  /** The jobs it restarted, by status. */
  jobs: z.partialRecord(jobStatus, count),
  /** True when none of its chunks or documents waits or is being worked on any more. */
  done: z.boolean(),
});
export type RetryGroupView = z.infer<typeof retryGroupSchema>;

export const searchRequestSchema = z.strictObject({
  query: z.string().trim().min(1).max(10_000),
  collection_id: idSchema.optional(),
  document_id: idSchema.optional(),
  /** Only documents whose metadata contains this; PostgreSQL's `@>`. */
  filter: z.strictObject({ metadata: metadataFilterSchema }).optional(),
  limit: z.int().min(1).max(100).default(10),
});
export type SearchRequest = z.input<typeof searchRequestSchema>;

export const searchHitSchema = z.object({
  chunk_id: idSchema,
  document_id: idSchema,
  collection_id: idSchema,
  filename: z.string(),
  /** The document's status: a hit in a `partial` document is labelled as such. */
  document_status: documentStatus,
  text: z.string(),
  /** Cosine similarity of query and chunk, from -1 to 1; higher is closer. */
  score: z.number(),
  page_start: z.int(),
  page_end: z.int(),
  section: z.string().nullable(),
  coordinates: z.array(boxSchema),
});
export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchResponseSchema = z.object({
  query: z.string(),
  hits: z.array(searchHitSchema),
});
export type SearchResponse = z.infer<typeof searchResponseSchema>;
