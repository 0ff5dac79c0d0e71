import {
  type BulkRetryResponse,
  bulkRetryRequestSchema,
  type ChunkDispatch,
  idSchema,
  jobHasEnded,
  MillraceError,
  type RetryGroupView,
} from '@millrace/contracts';
import type { RetryGroupRow } from '@millrace/database';
import { type BulkSelection, countRetries, retryMany } from '@millrace/lifecycle';
import { Router } from 'express';
import type { Dependencies } from '../dependencies';
import { jsonBody } from '../jsonBody';
import { onlyMethods } from '../problems';
import { requireScope } from '../scope';
import { retryLinks, statusCounts } from '../views';

/** What operators ask for across jobs, and how far what they asked for has come. */
export function retryRoutes({ database, deliveries, logger }: Dependencies): Router {
  const router = Router();

  router
    .route('/retries')
    .post(jsonBody, async (request, response) => {
      const { dry_run, ...conditions } = bulkRetryRequestSchema.parse(request.body);
      await requireScope(database, conditions);
      const selection: BulkSelection = {
        collectionId: conditions.collection_id,
        documentId: conditions.document_id,
        errorCodes: conditions.error_codes,
        failedAfter: dateOf(conditions.failed_after),
        failedBefore: dateOf(conditions.failed_before),
        force: conditions.force,
      };
      const { groupId, ...counts } = dry_run
        ? { groupId: null, ...(await countRetries(database, selection)) }
        : await retryMany(database, selection, deliverInTurn());
      if (groupId) {
        logger.info({ groupId, scheduled: counts.scheduled, jobs: counts.jobs }, 'chunks are retried for an operator');
      }
      response
        .status(groupId ? 202 : 200)
        .json({ dry_run, group_id: groupId, ...counts, links: retryLinks(groupId) } satisfies BulkRetryResponse);
    })
    .all(onlyMethods('POST'));

  router
    .route('/retries/:groupId')
    .get(async (request, response) => {
      const { groupId } = request.params;
      const group = idSchema.safeParse(groupId).success ? await database.retryGroups.find(groupId) : null;
      if (!group) {
        throw new MillraceError('RETRY_NOT_FOUND', `There is no retry ${groupId}`);
      }
      response.json({
        group_id: group.id,
        requested_at: group.requested_at.toISOString(),
        request: group.request,
        force: group.force,
        scheduled: group.scheduled,
        ...(await progressOf(group)),
      } satisfies RetryGroupView);
    })
    .all(onlyMethods('GET'));

  /** Delivers batch after batch: nobody waits for the last one, but no more than one is held in memory. */
  function deliverInTurn(): (batch: ChunkDispatch[]) => Promise<void> {
    let previous = Promise.resolve();
    return async (batch) => {
      if (batch.length > 0) {
        await previous;
        previous = deliveries.chunks(batch);
      }
    };
  }

  /** A retry that scheduled no chunk had a job read its document again: its chunks are then that job's. */
  async function progressOf(group: RetryGroupRow): Promise<Pick<RetryGroupView, 'summary' | 'done'>> {
    if (group.scheduled > 0) {
      // Asked before the counts are taken, so that they are the last ones when it is done.
      const done = !(await database.retryGroups.isUnderWay(group.id));
      return { summary: statusCounts(await database.retryGroups.countByStatus(group.id)), done };
    }
    const job = await database.jobs.find(String(group.request.job_id));
    const counts = job ? await database.jobs.countChunks(job.id) : {};
    return { summary: statusCounts(counts), done: !job || jobHasEnded(job.status) };
  }

  return router;
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
