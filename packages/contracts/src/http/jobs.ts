import { z } from 'zod';
import { idSchema } from '../ids';
import { jobChunkStatus, jobKind, jobStatus } from '../statuses';
import {
  chunkHash,
  chunkId,
  chunkIndex,
  collectionId,
  contentHash,
  count,
  createdAt,
  documentId,
  errorCode,
  errorMessage,
  filename,
  filenameFilter,
  jobId,
  links,
  listOf,
  moment,
  nextCursor,
  pageEnd,
  pageQuerySchema,
  pageStart,
  storedErrorCode,
  timestamp,
  updatedAt,
} from './common';
import { problemSchema } from './problem';

export const jobSchema = z
  .object({
    id: jobId,
    document_id: documentId,
    kind: jobKind.describe(
      'ingest: reads the document and embeds it. reread: reads its failed pages again. re-embed: makes its vectors ' +
        'with another model.',
    ),
    status: jobStatus.describe('"retrying" is the wait between two rounds.'),
    current_step: z.string().meta({ description: 'What happens now, for people.', examples: ['embedding'] }),
    total_chunks: count.nullable().describe('The number of chunks; null until the document is read.'),
    processed_chunks: count.describe('How many chunks succeeded.'),
    failed_chunks: count.describe('How many chunks have failed.'),
    progress: z.number().min(0).max(1).describe('From 0 to 1. It is 1 once the job has ended, and not before.'),
    retry_count: count.describe('How many retry rounds have begun.'),
    max_retries: count.describe('How many retry rounds there may be.'),
    error: problemSchema.nullable().describe('Why the job failed, or null.'),
    created_at: createdAt,
    started_at: timestamp.nullable().describe('When a worker first claimed the job, or null.'),
    finished_at: timestamp.nullable().describe('When the job ended, or null.'),
    pruned_at: timestamp
      .nullable()
      .describe(
        'When the history of the job was removed (HISTORY_RETENTION_MS), or null. Its counters stay; of its chunks only the ' +
          'failed and cancelled ones are left, without their attempts.',
      ),
    links,
  })
  .meta({ id: 'Job', description: 'One run over a document.' });
export type JobView = z.infer<typeof jobSchema>;

export const jobsQuerySchema = pageQuerySchema
  .extend({
    collection_id: idSchema.optional().describe('Only of documents in this collection.'),
    document_id: idSchema.optional().describe('Only of this document.'),
    kind: listOf(jobKind).describe('Only jobs of one of these kinds.'),
    status: listOf(jobStatus).describe('Only jobs with one of these statuses.'),
    error_code: listOf(errorCode).describe('Only jobs whose error has one of these codes.'),
    filename: filenameFilter.optional(),
    created_after: moment.optional().describe('Only jobs made at this time or later.'),
    created_before: moment.optional().describe('Only jobs made before this time.'),
    finished_after: moment.optional().describe('Only jobs that ended at this time or later.'),
    finished_before: moment.optional().describe('Only jobs that ended before this time.'),
  })
  .strict();

const listedJobSchema = jobSchema
  .extend({ filename, collection_id: collectionId })
  .meta({ id: 'ListedJob', description: 'A job, with the file name and the collection of its document.' });
export type ListedJobView = z.infer<typeof listedJobSchema>;

export const jobsResponseSchema = z
  .object({ jobs: z.array(listedJobSchema).describe('The newest first.'), next_cursor: nextCursor })
  .meta({ id: 'Jobs' });
export type JobsResponse = z.infer<typeof jobsResponseSchema>;

const jobChunkSchema = z.object({
  id: chunkId,
  chunk_index: chunkIndex,
  page_start: pageStart,
  page_end: pageEnd,
  page_count: count.describe('On how many pages its text is.'),
  has_overlap: z.boolean().describe('True when its text begins with the end of the chunk before.'),
  storage_url: z
    .string()
    .nullable()
    .describe('Where its text is kept until it succeeds; null while that is the database, as always today.'),
  status: jobChunkStatus.describe('"retry_scheduled" waits for the next attempt.'),
  attempts: count.describe('How often a worker has claimed the chunk.'),
  max_retries: count.describe('How many attempts the chunk may have.'),
  last_error_code: storedErrorCode,
  last_error: errorMessage,
  result_json: z
    .record(z.string(), z.unknown())
    .nullable()
    .meta({
      description: 'Details of the attempt that succeeded, or null.',
      examples: [{ embedding_model: 'text-embedding-3-small' }],
    }),
  queue_job_id: z.string().describe('The id of the last delivery in the queue.'),
  next_attempt_at: timestamp.nullable().describe('When the next attempt may begin, if one is scheduled.'),
  processed_at: timestamp.nullable().describe('When the chunk succeeded, or null.'),
  created_at: createdAt,
  updated_at: updatedAt,
});
export type JobChunkView = z.infer<typeof jobChunkSchema>;

export const statusCounts = z
  .object({
    total: count.describe('All of them.'),
    pending: count.describe('Wait for their first attempt.'),
    processing: count.describe('A worker has them.'),
    success: count.describe('Embedded and stored.'),
    failed: count.describe('Their last attempt failed.'),
    retry_scheduled: count.describe('Wait for another attempt.'),
    cancelled: count.describe('Cancelled with their job.'),
  })
  .describe('How many chunks have each status, zeros included.');
export type StatusCounts = z.infer<typeof statusCounts>;

const chunkAttemptSchema = z.object({
  attempt: z.int().min(1).describe('The number of the attempt, from 1.'),
  round: z.int().min(1).describe('The round of the job, from 1.'),
  worker: z.string().nullable().describe('The worker that made the attempt, if known.'),
  outcome: z.enum(['failed', 'success']).describe('How the attempt ended.'),
  error_code: storedErrorCode,
  error: errorMessage,
  started_at: timestamp.nullable().describe('When the attempt began, if known.'),
  finished_at: timestamp.describe('When the attempt ended.'),
  retry_group_id: idSchema.nullable().describe('The retry group that asked for the attempt, or null.'),
});

export const jobChunkDetailSchema = jobChunkSchema
  .extend({
    job_id: jobId,
    worker: z.string().nullable().describe('The worker that claimed the chunk last.'),
    started_at: timestamp.nullable().describe('When the last attempt began, or null.'),
    lease_expires_at: timestamp.nullable().describe("When the worker's lease expires; null while no worker has it."),
    chunk_hash: chunkHash,
    content_hash: contentHash,
    retry_group_id: idSchema.nullable().describe('The latest retry group of the chunk, or null.'),
    history: z
      .array(chunkAttemptSchema)
      .describe('The attempts. A chunk that succeeded at its first attempt has no history.'),
  })
  .meta({ id: 'JobChunk' });
export type JobChunkDetail = z.infer<typeof jobChunkDetailSchema>;

export const jobChunksResponseSchema = z
  .object({
    job_id: jobId,
    summary: statusCounts,
    error_codes: z
      .array(z.object({ code: errorCode, count: count.describe('How many chunks have it.') }))
      .describe('How many failed chunks have which error code, the commonest first.'),
    chunks: z.array(jobChunkSchema).describe('In order of chunk_index.'),
    next_cursor: nextCursor,
  })
  .meta({ id: 'JobChunks' });
export type JobChunksResponse = z.infer<typeof jobChunksResponseSchema>;

export const jobChunksQuerySchema = pageQuerySchema.extend({
  status: jobChunkStatus.optional().describe('Only chunks with this status.'),
  error_code: errorCode.optional().describe('Only chunks whose last error has this code.'),
});
