import { z } from 'zod';
import { boxSchema } from './chunks';
import { idSchema } from './ids';
import { documentStatus, jobChunkStatus, jobKind, jobStatus, pageOutcome } from './statuses';

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

export const jobChunksResponseSchema = z.object({
  job_id: idSchema,
  /** How many of the job's chunks stand in each status; always all statuses, and their total. */
  summary: z.object({
    total: count,
    pending: count,
    processing: count,
    success: count,
    failed: count,
    retry_scheduled: count,
    cancelled: count,
  }),
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

export const jobChunksQuerySchema = pageQuerySchema.extend({
  status: jobChunkStatus.optional(),
});

export const searchRequestSchema = z.strictObject({
  query: z.string().trim().min(1).max(10_000),
  collection_id: idSchema.optional(),
  document_id: idSchema.optional(),
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
