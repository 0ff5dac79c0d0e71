import { z } from 'zod';
import { idSchema } from '../ids';
import { jobStatus } from '../statuses';
import {
  actor,
  actorFilter,
  count,
  errorCode,
  errorCodes,
  groupId,
  links,
  moment,
  nextCursor,
  pageQuerySchema,
  timestamp,
} from './common';
import { statusCounts } from './jobs';

const force = z.boolean().default(false).describe('Also retries chunks without attempts left; each gets one more.');

export const retryChunksRequestSchema = z
  .strictObject({
    chunk_ids: z.array(idSchema).min(1).max(10_000).optional().describe('Only these chunks.'),
    error_codes: errorCodes.optional().describe('Only chunks whose last error has one of these codes.'),
    force,
  })
  .meta({
    id: 'RetryChunksRequest',
    description: "Which of a job's failed or cancelled chunks to retry. An empty object means all of them.",
  });

const skipReason = z
  .enum([
    'not_found',
    'succeeded',
    'in_progress',
    'other_error_code',
    'attempts_exhausted',
    'payload_expired',
    'original_removed',
  ])
  .describe(
    'Why a chunk is not retried. not_found: the job has no such chunk. succeeded: a retry never changes a success. ' +
      'in_progress: it waits or a worker has it. other_error_code: its code is not one of those in the request. ' +
      'attempts_exhausted: it has no attempts left; "force" gives it another. payload_expired: its text is no longer ' +
      'kept (PAYLOAD_RETENTION_MS); upload the document again. original_removed: its document could not be read, and ' +
      'the original is no longer kept; upload it again.',
  );
export type SkipReason = z.infer<typeof skipReason>;

const skipped = count.describe('How many have this reason.');

export const retryResponseSchema = z
  .object({
    group_id: groupId,
    scheduled: count.describe('How many chunks will be tried again.'),
    skipped: z
      .array(
        z.object({ reason: skipReason, count: skipped, chunk_ids: z.array(idSchema).describe('The first hundred.') }),
      )
      .describe('The chunks that are not retried, by reason, with the first hundred ids of each.'),
    job_restarted: z
      .boolean()
      .describe('True when the job had no chunks yet, so that the document is read again from its first page.'),
    links,
  })
  .meta({ id: 'RetryResponse' });
export type RetryResponse = z.infer<typeof retryResponseSchema>;

const pagesSkipReason = z
  .enum(['in_progress', 'no_failed_pages'])
  .nullable()
  .describe(
    'Why no page is read again; null when pages are. in_progress: a job of the document is running. no_failed_pages: no page of the ' +
      'document has failed, or the job ended before any page was read.',
  );

export const retryPagesResponseSchema = z
  .object({
    group_id: groupId,
    pages: count.describe('How many pages are read again: all that have failed.'),
    reason: pagesSkipReason,
    links,
  })
  .meta({ id: 'RetryPagesResponse' });
export type RetryPagesResponse = z.infer<typeof retryPagesResponseSchema>;

export const bulkRetryRequestSchema = z
  .strictObject({
    collection_id: idSchema.optional().describe('Only in this collection.'),
    document_id: idSchema.optional().describe('Only in this document.'),
    error_codes: errorCodes.optional().describe('Only failures with one of these codes.'),
    failed_after: moment.optional().describe('Only failures after this time.'),
    failed_before: moment.optional().describe('Only failures before this time.'),
    force,
    dry_run: z.boolean().default(false).describe('Only counts what would be retried.'),
  })
  .refine(({ force: _force, dry_run: _dryRun, ...conditions }) => Object.keys(conditions).length > 0, {
    message: 'The body must name at least one of collection_id, document_id, error_codes, failed_after, failed_before.',
  })
  .meta({
    id: 'BulkRetryRequest',
    description:
      'Which failed chunks to retry, and which jobs that failed before they had chunks. It has at least one condition, ' +
      'and every condition must hold.',
  });

export const bulkRetryResponseSchema = z
  .object({
    dry_run: z.boolean().describe('True when the retry was only counted.'),
    group_id: groupId,
    scheduled: count.describe('How many chunks are retried. After a dry run: how many would be.'),
    jobs: count.describe('How many jobs these chunks belong to.'),
    jobs_restarted: count.describe('How many jobs had failed before they had chunks, and are restarted.'),
    skipped: z
      .array(z.object({ reason: skipReason, count: skipped }))
      .describe('How many chunks and jobs fit the conditions but are not retried, by reason.'),
    links,
  })
  .meta({ id: 'BulkRetryResponse' });
export type BulkRetryResponse = z.infer<typeof bulkRetryResponseSchema>;

const listedRetrySchema = z
  .object({
    group_id: idSchema.describe('The id of the retry group.'),
    requested_at: timestamp.describe('When the retry was requested.'),
    requested_by: actor.nullable().describe('Who requested it; null for a retry from before this was recorded.'),
    request: z.record(z.string(), z.unknown()).describe('The request.'),
    force: z.boolean().describe('True when chunks without attempts left were retried too.'),
    scheduled: count.describe('How many chunks were scheduled.'),
    links,
  })
  .meta({ id: 'ListedRetry' });
export type ListedRetryView = z.infer<typeof listedRetrySchema>;

export const retriesQuerySchema = pageQuerySchema
  .extend({
    collection_id: idSchema.optional().describe('Only requests that name this collection.'),
    document_id: idSchema.optional().describe('Only requests that name this document.'),
    job_id: idSchema.optional().describe('Only requests that name this job.'),
    error_code: errorCode.optional().describe('Only requests that name this error code, alone or with others.'),
    requested_by: actorFilter.optional(),
    requested_after: moment.optional().describe('Only retries requested at this time or later.'),
    requested_before: moment.optional().describe('Only retries requested before this time.'),
  })
  .strict();

export const retriesResponseSchema = z
  .object({ retries: z.array(listedRetrySchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Retries' });
export type RetriesResponse = z.infer<typeof retriesResponseSchema>;

export const retryGroupSchema = listedRetrySchema
  .extend({
    summary: statusCounts.describe('How many of its chunks have each status. A chunk counts in its latest retry only.'),
    jobs: z.partialRecord(jobStatus, count).describe('How many of the jobs that it restarted have each status.'),
    done: z
      .boolean()
      .describe('True when all of its chunks and documents are done: none waits, and no worker works on one.'),
  })
  .meta({ id: 'RetryGroup' });
export type RetryGroupView = z.infer<typeof retryGroupSchema>;
