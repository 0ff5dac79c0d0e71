import {
  type Actor,
  groupMembersResponseSchema,
  groupRequestSchema,
  groupSchema,
  groupsResponseSchema,
  MillraceError,
  newId,
  pageQuerySchema,
} from '@millrace/contracts';
import { groupView, userView } from '../accountViews';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { endpoint, jsonBody } from '../http/endpoint';
import { inPath } from './pathParameters';

export const createGroup = endpoint({
  method: 'POST',
  path: '/api/v1/groups',
  summary: 'Make a group of users',
  params: {},
  body: jsonBody(groupRequestSchema),
  responses: { 201: { description: 'The group', schema: groupSchema } },
  errors: ['GROUP_EXISTS'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ body: { name } }, { access, database }) => {
  const id = newId();
  await database.transaction(async ({ groups, actions }) => {
    await groups.insert({ id, name });
    await actions.record({ id: newId(), kind: 'group_created', actor: access.principal, details: { name } });
  });
  const group = groupView(await access.group(id));
  return { status: 201, headers: { Location: `/api/v1/groups/${id}` }, body: group };
});

export const listGroups = endpoint({
  method: 'GET',
  path: '/api/v1/groups',
  summary: 'List groups, the newest first',
  params: {},
  query: pageQuerySchema,
  responses: { 200: { description: 'Groups', schema: groupsResponseSchema } },
  errors: [],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ query: { limit, cursor } }, { database }) => {
  const rows = await database.groups.list({ after: decodePlace(cursor), limit: limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, limit);
  return { status: 200, body: { groups: items.map(groupView), next_cursor: nextCursor } };
});

export const getGroup = endpoint({
  method: 'GET',
  path: '/api/v1/groups/{id}',
  summary: 'Get a group',
  params: { id: inPath.userGroupId },
  responses: { 200: { description: 'The group', schema: groupSchema } },
  errors: ['GROUP_NOT_FOUND'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access'],
}).handle(async ({ params }, { access }) => {
  return { status: 200, body: groupView(await access.group(params.id)) };
});

export const renameGroup = endpoint({
  method: 'PATCH',
  path: '/api/v1/groups/{id}',
  summary: 'Rename a group',
  params: { id: inPath.userGroupId },
  body: jsonBody(groupRequestSchema),
  responses: { 200: { description: 'The group after the change', schema: groupSchema } },
  errors: ['GROUP_NOT_FOUND', 'GROUP_EXISTS'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params, body: { name } }, { access, database }) => {
  const { id } = await access.group(params.id);
  await database.transaction(async ({ groups, actions }) => {
    if (await groups.rename(id, name)) {
      await actions.record({ id: newId(), kind: 'group_changed', actor: access.principal, details: { name } });
    }
  });
  return { status: 200, body: groupView(await access.group(id)) };
});

export const deleteGroup = endpoint({
  method: 'DELETE',
  path: '/api/v1/groups/{id}',
  summary: 'Delete a group',
  description: 'What was shared with the group is no longer shared with its members.',
  params: { id: inPath.userGroupId },
  responses: { 204: { description: 'The group is deleted.' } },
  errors: ['GROUP_NOT_FOUND'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const { id } = await access.group(params.id);
  await database.transaction(async ({ groups, actions }) => {
    const name = await groups.delete(id);
    if (name !== null) {
      await actions.record({ id: newId(), kind: 'group_deleted', actor: access.principal, details: { name } });
    }
  });
  return { status: 204 };
});

export const listGroupMembers = endpoint({
  method: 'GET',
  path: '/api/v1/groups/{id}/members',
  summary: 'List the members of a group',
  params: { id: inPath.userGroupId },
  query: pageQuerySchema,
  responses: { 200: { description: 'Its users', schema: groupMembersResponseSchema } },
  errors: ['GROUP_NOT_FOUND'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params, query: { limit, cursor } }, { access, database }) => {
  const { id: groupId } = await access.group(params.id);
  const rows = await database.users.list({ groupId }, { after: decodePlace(cursor), limit: limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, limit);
  return { status: 200, body: { members: items.map(userView), next_cursor: nextCursor } };
});

const memberParams = { id: inPath.userGroupId, userId: inPath.userId };

export const addGroupMember = endpoint({
  method: 'PUT',
  path: '/api/v1/groups/{id}/members/{userId}',
  summary: 'Add a user to a group',
  params: memberParams,
  responses: { 204: { description: 'The user is a member.' } },
  errors: ['GROUP_NOT_FOUND', 'USER_NOT_FOUND'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const group = await access.group(params.id);
  const user = await access.user(params.userId);
  await database.transaction(async ({ groups, users, actions }) => {
    // Either may have been deleted since.
    if (!(await users.lock(user.id))) {
      throw new MillraceError('USER_NOT_FOUND', `There is no user ${user.id}.`);
    }
    if (!(await groups.lock(group.id))) {
      throw new MillraceError('GROUP_NOT_FOUND', `There is no group ${group.id}.`);
    }
    if (await groups.addMember(group.id, user.id)) {
      await actions.record(memberChange(access.principal, { userId: user.id, name: group.name, member: 'added' }));
    }
  });
  return { status: 204 };
});

export const removeGroupMember = endpoint({
  method: 'DELETE',
  path: '/api/v1/groups/{id}/members/{userId}',
  summary: 'Remove a user from a group',
  params: memberParams,
  responses: { 204: { description: 'The user is no member.' } },
  errors: ['GROUP_NOT_FOUND', 'USER_NOT_FOUND'],
  access: 'groups.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const group = await access.group(params.id);
  const user = await access.user(params.userId);
  await database.transaction(async ({ groups, actions }) => {
    if (await groups.removeMember(group.id, user.id)) {
      await actions.record(memberChange(access.principal, { userId: user.id, name: group.name, member: 'removed' }));
    }
  });
  return { status: 204 };
});

/** Returns the record of a user that was added to a group or removed from it. */
function memberChange(
  actor: Actor,
  { userId, ...details }: { userId: string; name: string; member: 'added' | 'removed' },
) {
  return { id: newId(), kind: 'group_changed', actor, userId, details } as const;
}
