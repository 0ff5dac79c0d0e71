import {
  jobChunkDetailSchema,
  jobChunksQuerySchema,
  jobChunksResponseSchema,
  jobHasEnded,
  jobSchema,
  jobsQuerySchema,
  jobsResponseSchema,
  MillraceError,
  retryChunksRequestSchema,
  retryPagesResponseSchema,
  retryResponseSchema,
} from '@millrace/contracts';
import type { JobRow } from '@millrace/database';
import { cancelJob as cancel, retryJob, retryPages } from '@millrace/lifecycle';
import { z } from 'zod';
import type { Access } from '../authorization/access';
import { decodeCursor, decodePlace, toPage, toPlacedPage } from '../http/cursor';
import { dateOf } from '../http/dateOf';
import { endpoint, optionalJsonBody } from '../http/endpoint';
import { filterOfWork } from '../http/filterOfWork';
import {
  jobChunkDetailView,
  jobChunkView,
  jobLinks,
  jobView,
  listedJobView,
  retryLinks,
  skippedView,
  statusCounts,
} from '../views';
import { inPath } from './pathParameters';

/** The body of a request that has no options. */
const emptyRequest = z.strictObject({});

export const listJobs = endpoint({
  method: 'GET',
  path: '/api/v1/jobs',
  summary: 'List jobs, the newest first',
  description:
    'Every filter that is given must hold. What failed today: `?status=failed,completed_with_errors&finished_after=` and the date.',
  params: {},
  query: jobsQuerySchema,
  responses: { 200: { description: 'Jobs that fit', schema: jobsResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query }, { access, database }) => {
  const scope = await access.scope(query);
  const filter = {
    ...scope,
    kinds: query.kind,
    statuses: query.status,
    ...filterOfWork(query),
    finishedAfter: dateOf(query.finished_after),
    finishedBefore: dateOf(query.finished_before),
  };
  const rows = await database.jobs.list(filter, { after: decodePlace(query.cursor), limit: query.limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, query.limit);
  return { status: 200, body: { jobs: items.map(listedJobView), next_cursor: nextCursor } };
});

export const getJob = endpoint({
  method: 'GET',
  path: '/api/v1/jobs/{id}',
  summary: 'Get a job and its progress',
  params: { id: inPath.jobId },
  responses: { 200: { description: 'The job', schema: jobSchema } },
  errors: ['JOB_NOT_FOUND'],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access'],
}).handle(async ({ params }, { access }) => {
  return { status: 200, body: jobView(await access.job(params.id)) };
});

export const cancelJob = endpoint({
  method: 'POST',
  path: '/api/v1/jobs/{id}/cancel',
  summary: 'Cancel a job',
  description: 'Chunks that are already stored are kept.',
  params: { id: inPath.jobId },
  body: optionalJsonBody(emptyRequest),
  responses: { 200: { description: 'The job after the cancellation', schema: jobSchema } },
  errors: ['JOB_NOT_FOUND', 'JOB_ENDED'],
  access: 'jobs.repair',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params }, { access, database, logger }) => {
  const { id } = await access.job(params.id);
  const outcome = await cancel(database, id, access.principal);
  const job = await access.job(id);
  if (outcome !== 'cancelled') {
    throw new MillraceError('JOB_ENDED', `The job has already ended: it is ${job.status}.`);
  }
  logger.info({ jobId: id, documentId: job.documentId }, 'a job was cancelled');
  return { status: 200, body: jobView(job) };
});

export const listJobChunks = endpoint({
  method: 'GET',
  path: '/api/v1/jobs/{id}/chunks',
  summary: 'List the chunks of a job, with a count for each status and each error code',
  params: { id: inPath.jobId },
  query: jobChunksQuerySchema,
  responses: {
    200: { description: 'The counts, and chunks in order of chunk_index', schema: jobChunksResponseSchema },
  },
  errors: ['JOB_NOT_FOUND'],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params, query: { limit, cursor, status, error_code: errorCode } }, { access, database }) => {
  const { id } = await access.job(params.id);
  const after = decodeCursor(cursor, -1);
  const [counts, errorCodes, rows] = await Promise.all([
    database.jobs.countChunks(id),
    database.jobChunks.countByErrorCode(id),
    database.jobChunks.list(id, { after, limit: limit + 1, status, errorCode }),
  ]);
  const { items, nextCursor } = toPage(rows, limit, (row) => row.chunkIndex);
  return {
    status: 200,
    body: {
      job_id: id,
      summary: statusCounts(counts),
      error_codes: errorCodes,
      chunks: items.map(jobChunkView),
      next_cursor: nextCursor,
    },
  };
});

export const getJobChunk = endpoint({
  method: 'GET',
  path: '/api/v1/jobs/{id}/chunks/{chunkId}',
  summary: 'Get a chunk of a job with its history',
  params: { id: inPath.jobId, chunkId: inPath.chunkId },
  responses: { 200: { description: 'The chunk', schema: jobChunkDetailSchema } },
  errors: ['JOB_NOT_FOUND', 'CHUNK_NOT_FOUND'],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const chunk = await access.jobChunk(params.id, params.chunkId);
  return { status: 200, body: jobChunkDetailView(chunk, await database.chunkAttempts.list(chunk.id)) };
});

export const retryJobChunks = endpoint({
  method: 'POST',
  path: '/api/v1/jobs/{id}/chunks/retry',
  summary: "Retry a job's failed and cancelled chunks",
  description: 'Without a body it retries all of them. A job that failed before it had chunks is restarted.',
  params: { id: inPath.jobId },
  body: optionalJsonBody(retryChunksRequestSchema),
  responses: {
    202: { description: 'Chunks are retried, or the job is restarted.', schema: retryResponseSchema },
    200: { description: 'There was nothing to retry.', schema: retryResponseSchema },
  },
  errors: ['JOB_NOT_FOUND', 'JOB_NOT_RETRYABLE'],
  access: 'jobs.repair',
  rateClass: 'write',
  uses: ['access', 'database', 'deliveries', 'logger'],
}).handle(async ({ params, body }, { access, database, deliveries, logger }) => {
  const { chunk_ids, error_codes: errorCodes, force } = body;
  const job = await access.job(params.id);
  const chunkIds = chunk_ids?.map((id) => id.toLowerCase());
  const retried = await retryJob(database, job.id, { chunkIds, errorCodes, force }, access.principal);
  if (!retried) {
    throw jobNotFound(job.id);
  }
  const { groupId, chunks, skipped, job: restarted } = retried;
  if (groupId === null) {
    await refuseIfUnreadable(access, job);
  } else {
    logger.info(
      { jobId: job.id, groupId, scheduled: chunks.length, restarted: restarted !== null },
      'a job is retried for an operator',
    );
  }
  void deliveries.chunks(chunks);
  void deliveries.jobs(restarted ? [restarted] : []);
  const { self, chunks: chunksLink } = jobLinks(job.id);
  return {
    status: groupId ? 202 : 200,
    body: {
      group_id: groupId,
      scheduled: chunks.length,
      skipped: skippedView(skipped),
      job_restarted: restarted !== null,
      links: { ...retryLinks(groupId), job: self, chunks: chunksLink },
    },
  };
});

export const retryJobPages = endpoint({
  method: 'POST',
  path: '/api/v1/jobs/{id}/pages/retry',
  summary: "Read the failed pages of a job's document again",
  description:
    'A new job of the kind `reread` reads the pages. `links.job` names this job. The pages that can now be read become further chunks of the document.',
  params: { id: inPath.jobId },
  body: optionalJsonBody(emptyRequest),
  responses: {
    202: { description: 'The pages are read again.', schema: retryPagesResponseSchema },
    200: { description: 'There was no page to read again.', schema: retryPagesResponseSchema },
  },
  errors: ['JOB_NOT_FOUND', 'JOB_NOT_RETRYABLE'],
  access: 'jobs.repair',
  rateClass: 'write',
  uses: ['access', 'database', 'deliveries', 'logger'],
}).handle(async ({ params }, { access, database, deliveries, logger }) => {
  const { id } = await access.job(params.id);
  const retried = await retryPages(database, id, access.principal);
  if (!retried) {
    throw jobNotFound(id);
  }
  if (retried.outcome === 'original_gone') {
    throw new MillraceError('JOB_NOT_RETRYABLE', 'The original of the document is no longer kept.');
  }
  if (retried.outcome !== 'queued') {
    return {
      status: 200,
      body: { group_id: null, pages: 0, reason: retried.outcome, links: { job: jobLinks(id).self } },
    };
  }
  const { groupId, pages, job } = retried;
  logger.info({ jobId: job.jobId, groupId, pages }, 'failed pages are read again');
  void deliveries.jobs([job]);
  return {
    status: 202,
    body: { group_id: groupId, pages, reason: null, links: { ...retryLinks(groupId), job: jobLinks(job.jobId).self } },
  };
});

/**
 * Refuses to retry a job whose document could not be read and has no original any more.
 * @throws MillraceError JOB_NOT_RETRYABLE with the reason why the document could not be read
 */
async function refuseIfUnreadable(access: Access, job: JobRow): Promise<void> {
  if (job.totalChunks === null && jobHasEnded(job.status)) {
    const document = await access.document(job.documentId);
    if (document.sourcePath === null) {
      throw new MillraceError('JOB_NOT_RETRYABLE', `The document could not be read: ${job.error}`);
    }
  }
}

/** Makes the error for a job that was deleted during the request. */
function jobNotFound(id: string): MillraceError {
  return new MillraceError('JOB_NOT_FOUND', `There is no job ${id}.`);
}
