import {
  bulkRetryRequestSchema,
  bulkRetryResponseSchema,
  retriesQuerySchema,
  retriesResponseSchema,
  retryGroupSchema,
} from '@millrace/contracts';
import { countRetries, type RetryDeliveries, retryMany } from '@millrace/lifecycle';
import type { Deliveries } from '@millrace/runtime';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { dateOf } from '../http/dateOf';
import { endpoint, jsonBody } from '../http/endpoint';
import { listedRetryView, retryGroupView, retryLinks } from '../views';
import { inPath } from './pathParameters';

export const retryFailures = endpoint({
  method: 'POST',
  path: '/api/v1/retries',
  summary: 'Retry failed chunks of many jobs',
  description: 'It also restarts the jobs that failed before they had chunks. All conditions must hold.',
  params: {},
  body: jsonBody(bulkRetryRequestSchema),
  responses: {
    202: { description: 'Chunks are retried, or documents are read again.', schema: bulkRetryResponseSchema },
    200: { description: 'There was nothing to retry, or dry_run only counted.', schema: bulkRetryResponseSchema },
  },
  errors: ['COLLECTION_NOT_FOUND', 'DOCUMENT_NOT_FOUND'],
  access: 'jobs.repair',
  rateClass: 'write',
  uses: ['access', 'database', 'deliveries', 'logger'],
}).handle(async ({ body }, { access, database, deliveries, logger }) => {
  const { dry_run, force, ...named } = body;
  const failedAfter = dateOf(named.failed_after);
  const failedBefore = dateOf(named.failed_before);
  const request = { ...named, failed_after: failedAfter, failed_before: failedBefore };
  const selection = {
    ...(await access.scope(named)),
    errorCodes: named.error_codes,
    failedAfter,
    failedBefore,
    force,
  };
  const { groupId, jobsRestarted, ...counts } = dry_run
    ? { groupId: null, ...(await countRetries(database, selection)) }
    : await retryMany(database, selection, { request, actor: access.principal, deliver: deliverInTurn(deliveries) });
  if (groupId) {
    const { scheduled, jobs } = counts;
    logger.info({ groupId, scheduled, jobs, restarted: jobsRestarted }, 'work is retried for an operator');
  }
  return {
    status: groupId ? 202 : 200,
    body: { dry_run, group_id: groupId, ...counts, jobs_restarted: jobsRestarted, links: retryLinks(groupId) },
  };
});

export const listRetries = endpoint({
  method: 'GET',
  path: '/api/v1/retries',
  summary: 'List retries, the newest first',
  description: 'Every filter that is given must hold. `links.self` of a retry has its progress.',
  params: {},
  query: retriesQuerySchema,
  responses: { 200: { description: 'Retries that fit', schema: retriesResponseSchema } },
  errors: [],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query }, { access, database }) => {
  const { collection_id, document_id, job_id } = query;
  const named = { collection_id, document_id, job_id };
  const filter = {
    request: {
      ...Object.fromEntries(Object.entries(named).filter(([, id]) => id !== undefined)),
      ...(query.error_code ? { error_codes: [query.error_code] } : {}),
    },
    actor: query.requested_by,
    ...access.retryRequester(),
    requestedAfter: dateOf(query.requested_after),
    requestedBefore: dateOf(query.requested_before),
  };
  const rows = await database.retryGroups.list(filter, { after: decodePlace(query.cursor), limit: query.limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, query.limit);
  return { status: 200, body: { retries: items.map(listedRetryView), next_cursor: nextCursor } };
});

export const getRetryGroup = endpoint({
  method: 'GET',
  path: '/api/v1/retries/{groupId}',
  summary: 'Get the progress of a retry',
  params: { groupId: inPath.groupId },
  responses: { 200: { description: 'The retry group, with the statuses of its chunks', schema: retryGroupSchema } },
  errors: ['RETRY_NOT_FOUND'],
  access: 'jobs.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database: { retryGroups } }) => {
  const group = await access.retryGroup(params.groupId);
  // Asked before the counts are read: when it is done, they are final.
  const done = !(await retryGroups.isUnderWay(group.id));
  const [chunks, jobs] = await Promise.all([
    retryGroups.countByStatus(group.id),
    retryGroups.countJobsByStatus(group.id),
  ]);
  return { status: 200, body: retryGroupView(group, { chunks, jobs, done }) };
});

/** Delivers one batch after another. The answer does not wait for the last one; memory holds no more than one. */
function deliverInTurn(deliveries: Deliveries): (batch: RetryDeliveries) => Promise<void> {
  let previous = Promise.resolve();
  return async ({ chunks, jobs }) => {
    await previous;
    previous = jobs.length > 0 ? deliveries.jobs(jobs) : deliveries.chunks(chunks);
  };
}
