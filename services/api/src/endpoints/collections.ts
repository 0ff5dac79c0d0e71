import {
  type ChangeCollectionRequest,
  changeCollectionRequestSchema,
  collectionResponseSchema,
  collectionsQuerySchema,
  collectionsResponseSchema,
  deleteCollectionQuerySchema,
  MillraceError,
  newCollectionRequestSchema,
  newId,
} from '@millrace/contracts';
import type { CollectionQuotas, CollectionRow, Database, Session } from '@millrace/database';
import { deleteCollection as beginDeletion } from '@millrace/lifecycle';
import type { Access } from '../authorization/access';
import { can } from '../authorization/permissions';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { endpoint, jsonBody } from '../http/endpoint';
import { newQuotas } from '../newQuotas';
import { collectionView } from '../views';
import { lockCollection } from './lockCollection';
import { inPath } from './pathParameters';

export const createCollection = endpoint({
  method: 'POST',
  path: '/api/v1/collections',
  summary: 'Make a collection',
  description: 'The user who asks becomes its owner. The header Location has its address.',
  params: {},
  body: jsonBody(newCollectionRequestSchema),
  responses: { 201: { description: 'The new collection', schema: collectionResponseSchema } },
  errors: ['COLLECTION_NAME_TAKEN'],
  access: 'collections.create',
  rateClass: 'write',
  uses: ['access', 'config', 'database', 'logger'],
}).handle(async ({ body: { quotas, ...fields } }, { access, config, database, logger }) => {
  const { principal } = access;
  const collection = {
    id: newId(),
    ownerId: principal.userId,
    ...fields,
    quotas: { ...newQuotas(config), ...requestedQuotas(access, quotas) },
  };
  const row = await database.transaction(async ({ collections, actions }) => {
    const inserted = await collections.insert(collection);
    const details = { name: collection.name };
    await actions.record({
      id: newId(),
      kind: 'create_collection',
      actor: principal,
      collectionId: collection.id,
      details,
    });
    return inserted;
  });
  logger.info({ collectionId: row.id }, 'a collection was made');
  const view = await viewOf(row, access, database);
  return { status: 201, headers: { Location: `/api/v1/collections/${row.id}` }, body: { ...view, role: 'manager' } };
});

export const listCollections = endpoint({
  method: 'GET',
  path: '/api/v1/collections',
  summary: 'List collections, the newest first',
  description: 'Those that the principal may see. Every filter that is given must hold.',
  params: {},
  query: collectionsQuerySchema,
  responses: { 200: { description: 'Collections that fit', schema: collectionsResponseSchema } },
  errors: [],
  access: 'collections.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query: { name, mine, limit, cursor } }, { access, database }) => {
  const filter = {
    ids: await access.allowedCollections(),
    ownerId: mine === 'true' ? access.principal.userId : undefined,
    name,
  };
  const rows = await database.collections.list(filter, { after: decodePlace(cursor), limit: limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, limit);
  return { status: 200, body: { collections: await viewsOf(items, access, database), next_cursor: nextCursor } };
});

export const getCollection = endpoint({
  method: 'GET',
  path: '/api/v1/collections/{id}',
  summary: 'Get a collection, and how much is in it',
  description: 'A manager sees a deleted collection, and what is left in it, until everything is removed.',
  params: { id: inPath.collectionId },
  responses: { 200: { description: 'The collection', schema: collectionResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND'],
  access: 'collections.read',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const collection = await access.collectionOrRemains(params.id);
  return { status: 200, body: await viewOf(collection, access, database) };
});

export const changeCollection = endpoint({
  method: 'PATCH',
  path: '/api/v1/collections/{id}',
  summary: 'Change a collection, or hand it over',
  description: 'What is left out stays as it is. New metadata replaces the old as a whole.',
  params: { id: inPath.collectionId },
  body: jsonBody(changeCollectionRequestSchema),
  responses: { 200: { description: 'The collection after the change', schema: collectionResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND', 'COLLECTION_NAME_TAKEN', 'USER_NOT_FOUND'],
  access: 'collections.manage',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params, body: { owner_id, quotas, ...fields } }, { access, database, logger }) => {
  const { id } = await access.collection(params.id);
  const changes = { ...fields, quotas: requestedQuotas(access, quotas) };
  const changed = await database.transaction(async (session) => {
    const locked = await lockCollection(session, id);
    const ownerId = owner_id === undefined ? undefined : await handOver(session, access, locked, owner_id);
    const details = { ...fields, ...(quotas && { quotas }), ...(owner_id !== undefined && { owner_id }) };
    await session.actions.record({
      id: newId(),
      kind: 'change_collection',
      actor: access.principal,
      collectionId: id,
      details,
    });
    return session.collections.change(locked, { ...changes, ownerId });
  });
  logger.info({ collectionId: id, fields: Object.keys({ ...fields, quotas, owner_id }) }, 'a collection was changed');
  return { status: 200, body: await viewOf(changed, access, database) };
});

export const deleteCollection = endpoint({
  method: 'DELETE',
  path: '/api/v1/collections/{id}',
  summary: 'Delete a collection with everything in it',
  description:
    'From the answer on, nobody finds the collection, its documents and its jobs. Documents, vectors and originals are then removed ' +
    'in the background; GET shows a manager what is left. The query confirms the deletion: the name of the collection, or if_empty=true.',
  params: { id: inPath.collectionId },
  query: deleteCollectionQuerySchema,
  responses: { 202: { description: 'The collection, which is being deleted', schema: collectionResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND', 'COLLECTION_NOT_EMPTY'],
  access: 'collections.manage',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params, query }, { access, database, logger }) => {
  const { id, name } = await access.collection(params.id);
  const ifEmpty = query.if_empty === 'true';
  if (!ifEmpty && query.name !== name) {
    const message =
      'must be the name of the collection, to confirm that everything in it is to be deleted; or send if_empty=true';
    throw new MillraceError('REQUEST_INVALID', `name ${message}.`, { extra: { errors: [{ path: 'name', message }] } });
  }
  const deleted = await beginDeletion(database, { id, ifEmpty }, access.principal);
  if (!deleted) {
    throw new MillraceError('COLLECTION_NOT_FOUND', `There is no collection ${id}.`);
  }
  logger.info({ collectionId: id }, 'a collection is being deleted');
  return { status: 202, body: await viewOf(deleted, access, database) };
});

/** Returns the quotas that a request sets. @throws MillraceError FORBIDDEN when the principal may set none */
function requestedQuotas(access: Access, quotas: ChangeCollectionRequest['quotas']): Partial<CollectionQuotas> {
  const { max_documents, max_bytes, max_chunks_per_day } = quotas ?? {};
  if (quotas && !can(access.principal, 'collections.limit')) {
    throw new MillraceError('FORBIDDEN', 'This needs the permission collections.limit: only an admin sets quotas.');
  }
  return {
    ...(max_documents !== undefined && { maxDocuments: max_documents }),
    ...(max_bytes !== undefined && { maxBytes: max_bytes }),
    ...(max_chunks_per_day !== undefined && { maxChunksPerDay: max_chunks_per_day }),
  };
}

/**
 * Makes the old owner a manager, and checks the new one. @returns the new owner's id.
 * @throws MillraceError FORBIDDEN or USER_NOT_FOUND
 */
async function handOver(
  { collectionMembers }: Session,
  access: Access,
  { id, ownerId }: CollectionRow,
  newOwnerId: string,
): Promise<string> {
  if (access.principal.userId !== ownerId && !access.isEverywhere()) {
    throw new MillraceError('FORBIDDEN', 'Only the owner of the collection or an admin can hand it over.');
  }
  if (!(await collectionMembers.findSubject({ userId: newOwnerId }))) {
    throw new MillraceError('USER_NOT_FOUND', `There is no active user ${newOwnerId}.`);
  }
  if (newOwnerId !== ownerId) {
    await collectionMembers.remove(id, newOwnerId);
    await collectionMembers.put(id, { id: ownerId, kind: 'user' }, 'manager');
  }
  return newOwnerId;
}

async function viewOf(row: CollectionRow, access: Access, database: Database) {
  const [view] = await viewsOf([row], access, database);
  return view as NonNullable<typeof view>;
}

async function viewsOf(rows: readonly CollectionRow[], access: Access, database: Database) {
  const uses = await database.collections.uses(rows.map(({ id }) => id));
  const nothing = { documents: {}, bytes: 0, chunks: 0, chunksToday: 0 };
  return Promise.all(
    rows.map(async (row) => collectionView(row, await access.roleIn(row.id), uses.get(row.id) ?? nothing)),
  );
}
