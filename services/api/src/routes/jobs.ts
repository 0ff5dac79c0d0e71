import {
  idSchema,
  type JobChunksResponse,
  jobChunksQuerySchema,
  jobHasEnded,
  MillraceError,
  type RetryPagesResponse,
  type RetryResponse,
  retryChunksRequestSchema,
} from '@millrace/contracts';
import type { JobRow } from '@millrace/database';
import { cancelJob, retryJob, retryPages, type SkippedChunk } from '@millrace/lifecycle';
import { Router } from 'express';
import { z } from 'zod';
import type { Dependencies } from '../dependencies';
import { decodeCursor, toPage } from '../http/cursor';
import { optionalJsonBody } from '../http/jsonBody';
import { onlyMethods } from '../http/problems';
import { jobChunkDetailView, jobChunkView, jobLinks, jobView, retryLinks, statusCounts } from '../views';

/** How many skipped chunks an answer names for each reason. */
const namedSkipped = 100;

/** What a request says that has nothing to choose. */
const emptyRequest = z.strictObject({});

export function jobRoutes({ database, deliveries, logger }: Dependencies): Router {
  const router = Router();

  router
    .route('/jobs/:id')
    .get(async (request, response) => {
      response.json(jobView(await findJob(request.params.id)));
    })
    .all(onlyMethods('GET'));

  router
    .route('/jobs/:id/cancel')
    .post(optionalJsonBody, async (request, response) => {
      emptyRequest.parse(request.body);
      const { id } = await findJob(request.params.id);
      const outcome = await cancelJob(database, id);
      if (outcome === null) {
        throw noJob(id);
      }
      const job = await findJob(id);
      if (outcome === 'ended') {
        throw new MillraceError('JOB_ENDED', `The job has ended before: it is ${job.status}`);
      }
      logger.info({ jobId: id, documentId: job.documentId }, 'a job was cancelled');
      response.json(jobView(job));
    })
    .all(onlyMethods('POST'));

  router
    .route('/jobs/:id/chunks')
    .get(async (request, response) => {
      const { limit, cursor, status, error_code: errorCode } = jobChunksQuerySchema.parse(request.query);
      const { id } = await findJob(request.params.id);
      const after = decodeCursor(cursor, -1);
      const [counts, errorCodes, rows] = await Promise.all([
        database.jobs.countChunks(id),
        database.jobChunks.countByErrorCode(id),
        database.jobChunks.list(id, { after, limit: limit + 1, status, errorCode }),
      ]);
      const { items, nextCursor } = toPage(rows, limit, (row) => row.chunkIndex);
      response.json({
        job_id: id,
        summary: statusCounts(counts),
        error_codes: errorCodes,
        chunks: items.map(jobChunkView),
        next_cursor: nextCursor,
      } satisfies JobChunksResponse);
    })
    .all(onlyMethods('GET'));

  // Before the address of one chunk, which would take "retry" for an id.
  router
    .route('/jobs/:id/chunks/retry')
    .post(optionalJsonBody, async (request, response) => {
      const { chunk_ids, error_codes: errorCodes, force } = retryChunksRequestSchema.parse(request.body);
      const job = await findJob(request.params.id);
      const chunkIds = chunk_ids?.map((id) => id.toLowerCase());
      const retried = await retryJob(database, job.id, { chunkIds, errorCodes, force });
      if (!retried) {
        throw noJob(job.id);
      }
      const { groupId } = retried;
      if (groupId === null) {
        await refuseUnreadable(job);
      } else {
        const facts = { jobId: job.id, groupId, scheduled: retried.chunks.length, restarted: retried.job !== null };
        logger.info(facts, 'a job is retried for an operator');
      }
      void deliveries.chunks(retried.chunks);
      void deliveries.jobs(retried.job ? [retried.job] : []);
      const links = { ...retryLinks(groupId), job: jobLinks(job.id).self, chunks: jobLinks(job.id).chunks };
      response.status(groupId ? 202 : 200).json({
        group_id: groupId,
        scheduled: retried.chunks.length,
        skipped: groupByReason(retried.skipped),
        job_restarted: retried.job !== null,
        links,
      } satisfies RetryResponse);
    })
    .all(onlyMethods('POST'));

  router
    .route('/jobs/:id/pages/retry')
    .post(optionalJsonBody, async (request, response) => {
      emptyRequest.parse(request.body);
      const { id } = await findJob(request.params.id);
      const retried = await retryPages(database, id);
      if (!retried) {
        throw noJob(id);
      }
      if (retried.outcome === 'original_gone') {
        throw new MillraceError('JOB_NOT_RETRYABLE', 'Its original is no longer kept');
      }
      const queued = retried.outcome === 'queued' ? retried : null;
      if (queued) {
        logger.info({ jobId: id, groupId: queued.groupId, pages: queued.pages }, 'failed pages are read again');
        void deliveries.jobs([queued.job]);
      }
      response.status(queued ? 202 : 200).json({
        group_id: queued?.groupId ?? null,
        pages: queued?.pages ?? 0,
        reason: retried.outcome === 'queued' ? null : retried.outcome,
        links: { ...retryLinks(queued?.groupId ?? null), job: jobLinks(id).self },
      } satisfies RetryPagesResponse);
    })
    .all(onlyMethods('POST'));

  router
    .route('/jobs/:id/chunks/:chunkId')
    .get(async (request, response) => {
      const { id, chunkId } = request.params;
      const job = await findJob(id);
      const chunk = idSchema.safeParse(chunkId).success ? await database.jobChunks.find(job.id, chunkId) : null;
      if (!chunk) {
        throw new MillraceError('CHUNK_NOT_FOUND', `The job has no chunk ${chunkId}`);
      }
      response.json(jobChunkDetailView(chunk, await database.chunkAttempts.list(chunk.id)));
    })
    .all(onlyMethods('GET'));

  async function findJob(id: string): Promise<JobRow> {
    const job = idSchema.safeParse(id).success ? await database.jobs.find(id) : null;
    if (!job) {
      throw noJob(id);
    }
    return job;
  }

  /** Says so when a retry found nothing because the job ended before it had chunks, and its original is gone. */
  async function refuseUnreadable(job: JobRow): Promise<void> {
    if (job.totalChunks === null && jobHasEnded(job.status)) {
      const document = await database.documents.find(job.documentId);
      if (document?.sourcePath === null) {
        throw new MillraceError('JOB_NOT_RETRYABLE', `The document could not be read: ${job.error}`);
      }
    }
  }

  return router;
}

function noJob(id: string): MillraceError {
  return new MillraceError('JOB_NOT_FOUND', `There is no job ${id}`);
}

function groupByReason(skipped: readonly SkippedChunk[]): RetryResponse['skipped'] {
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
