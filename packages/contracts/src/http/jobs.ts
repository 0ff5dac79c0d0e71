import { z } from 'zod';
import { idSchema } from '../ids';
import { jobChunkStatus, jobKind, jobStatus } from '../statuses';
import { count, errorCode, pageQuerySchema, timestamp } from './common';
import { problemSchema } from './problem';

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
export const statusCounts = z.object({
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

export const jobChunksQuerySchema = pageQuerySchema.extend({
  status: jobChunkStatus.optional(),
  error_code: errorCode.optional(),
});
