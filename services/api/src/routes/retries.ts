import {
  type BulkRetryResponse,
  bulkRetryRequestSchema,
  idSchema,
  MillraceError,
  type RetryGroupView,
} from '@millrace/contracts';
import { type BulkSelection, countRetries, type RetryDeliveries, retryMany } from '@millrace/lifecycle';
import { Router } from 'express';
import { requireScope } from '../access';
import type { Dependencies } from '../dependencies';
import { jsonBody } from '../http/jsonBody';
import { onlyMethods } from '../http/problems';
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
      const { groupId, jobsRestarted, ...counts } = dry_run
        ? { groupId: null, ...(await countRetries(database, selection)) }
        : await retryMany(database, selection, deliverInTurn());
      if (groupId) {
        const { scheduled, jobs } = counts;
        logger.info({ groupId, scheduled, jobs, restarted: jobsRestarted }, 'work is retried for an operator');
      }
      response.status(groupId ? 202 : 200).json({
        dry_run,
        group_id: groupId,
        ...counts,
        jobs_restarted: jobsRestarted,
        links: retryLinks(groupId),
      } satisfies BulkRetryResponse);
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
      // Asked before the counts are taken, so that they are the last ones when it is done.
      const done = !(await database.retryGroups.isUnderWay(group.id));
      response.json({
        group_id: group.id,
        requested_at: group.requestedAt.toISOString(),
        request: group.request,
        force: group.force,
        scheduled: group.scheduled,
        summary: statusCounts(await database.retryGroups.countByStatus(group.id)),
        jobs: await database.retryGroups.countJobsByStatus(group.id),
        done,
      } satisfies RetryGroupView);
    })
    .all(onlyMethods('GET'));

  /** Delivers batch after batch: nobody waits for the last one, but no more than one is held in memory. */
  function deliverInTurn(): (batch: RetryDeliveries) => Promise<void> {
    let previous = Promise.resolve();
    return async ({ chunks, jobs }) => {
      await previous;
      previous = jobs.length > 0 ? deliveries.jobs(jobs) : deliveries.chunks(chunks);
    };
  }

  return router;
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
