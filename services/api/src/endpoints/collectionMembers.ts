import {
  isId,
  MillraceError,
  memberResponseSchema,
  membersResponseSchema,
  newId,
  shareRequestSchema,
} from '@millrace/contracts';
import type { CollectionRow } from '@millrace/database';
import { endpoint, jsonBody } from '../http/endpoint';
import { memberView } from '../views';
import { lockCollection } from './lockCollection';
import { inPath } from './pathParameters';

export const listCollectionMembers = endpoint({
  method: 'GET',
  path: '/api/v1/collections/{id}/members',
  summary: 'List the users and groups with whom a collection is shared',
  params: { id: inPath.collectionId },
  responses: { 200: { description: 'The owner and the members', schema: membersResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND'],
  access: 'collections.members',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const { id } = await access.collection(params.id);
  const members = await database.collectionMembers.list(id);
  return { status: 200, body: { members: members.map(memberView) } };
});

export const shareCollection = endpoint({
  method: 'PUT',
  path: '/api/v1/collections/{id}/members',
  summary: 'Share a collection with a user or a group, or change its role',
  description:
    'The body names an active user, by its id or its address, or a group. The same request twice changes nothing more.',
  params: { id: inPath.collectionId },
  body: jsonBody(shareRequestSchema),
  responses: { 200: { description: 'The member', schema: memberResponseSchema } },
  errors: ['COLLECTION_NOT_FOUND', 'USER_NOT_FOUND', 'GROUP_NOT_FOUND', 'MEMBER_IS_OWNER'],
  access: 'collections.manage',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params, body: { user_id, email, group_id, role } }, { access, database, logger }) => {
  const { id } = await access.collection(params.id);
  const member = await database.transaction(async (session) => {
    const collection = await lockCollection(session, id);
    const subject = await session.collectionMembers.findSubject({ userId: user_id, email, groupId: group_id });
    if (!subject) {
      throw group_id === undefined
        ? new MillraceError('USER_NOT_FOUND', `There is no active user ${user_id ?? email}.`)
        : new MillraceError('GROUP_NOT_FOUND', `There is no group ${group_id}.`);
    }
    refuseOwner(collection, subject.id);
    await session.collectionMembers.put(id, subject, role);
    const details = { member_id: subject.id, member_kind: subject.kind, role };
    await session.actions.record({
      id: newId(),
      kind: 'share_collection',
      actor: access.principal,
      collectionId: id,
      details,
    });
    return (await session.collectionMembers.list(id)).find((row) => row.id === subject.id);
  });
  if (!member) {
    throw new MillraceError('USER_NOT_FOUND');
  }
  logger.info({ collectionId: id, memberId: member.id, role }, 'a collection was shared');
  return { status: 200, body: memberView(member) };
});

export const unshareCollection = endpoint({
  method: 'DELETE',
  path: '/api/v1/collections/{id}/members/{memberId}',
  summary: 'Stop sharing a collection with a user or a group, or leave it',
  description: 'A user may leave with its own id. A role by a group stays.',
  params: { id: inPath.collectionId, memberId: inPath.memberId },
  responses: { 204: { description: 'It is no longer shared.' } },
  errors: ['COLLECTION_NOT_FOUND', 'MEMBER_NOT_FOUND', 'MEMBER_IS_OWNER'],
  access: 'collections.leave',
  rateClass: 'write',
  uses: ['access', 'database', 'logger'],
}).handle(async ({ params: { id, memberId } }, { access, database, logger }) => {
  await access.collectionToLeave(id, memberId);
  await database.transaction(async (session) => {
    refuseOwner(await lockCollection(session, id), memberId);
    const removed = isId(memberId) ? await session.collectionMembers.remove(id, memberId) : null;
    if (!removed) {
      throw new MillraceError('MEMBER_NOT_FOUND', `The collection is not shared with ${memberId}.`);
    }
    const details = { member_id: memberId, member_kind: removed.kind, role: removed.role };
    await session.actions.record({
      id: newId(),
      kind: 'unshare_collection',
      actor: access.principal,
      collectionId: id,
      details,
    });
  });
  logger.info({ collectionId: id, memberId }, 'a collection is no longer shared with a member');
  return { status: 204 };
});

/** @throws MillraceError MEMBER_IS_OWNER */
function refuseOwner({ ownerId }: CollectionRow, memberId: string): void {
  if (memberId === ownerId) {
    throw new MillraceError('MEMBER_IS_OWNER');
  }
}
