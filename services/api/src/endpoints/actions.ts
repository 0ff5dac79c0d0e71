import { actionsQuerySchema, actionsResponseSchema } from '@millrace/contracts';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { dateOf } from '../http/dateOf';
import { endpoint } from '../http/endpoint';
import { actionView } from '../views';

export const listActions = endpoint({
  method: 'GET',
  path: '/api/v1/actions',
  summary: 'List who asked for which change and who signed in, the newest first',
  description:
    'The audit log. Operators and admins see all of it, others what was done in their collections. The document or the job ' +
    'of an action may be gone. Every filter that is given must hold.',
  params: {},
  query: actionsQuerySchema,
  responses: { 200: { description: 'Actions that fit', schema: actionsResponseSchema } },
  errors: [],
  access: 'actions.list',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query }, { access, database }) => {
  // Members do not see where others are.
  const showsOrigin = access.isEverywhere();
  const filter = {
    // The document may be deleted, so it is not looked up.
    collectionIds: await access.allowedCollections(),
    documentId: query.document_id,
    jobId: query.job_id,
    userId: query.user_id,
    kinds: query.kind,
    actor: query.requested_by,
    requestedAfter: dateOf(query.requested_after),
    requestedBefore: dateOf(query.requested_before),
  };
  const rows = await database.actions.list(filter, { after: decodePlace(query.cursor), limit: query.limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, query.limit);
  return {
    status: 200,
    body: { actions: items.map((action) => actionView(action, showsOrigin)), next_cursor: nextCursor },
  };
});
