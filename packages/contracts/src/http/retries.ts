import { z } from 'zod';
import { idSchema } from '../ids';
import { jobStatus } from '../statuses';
import { count, errorCodes, timestamp } from './common';
import { statusCounts } from './jobs';

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
