import { changeUser as change, createUser as create, deleteUser as remove } from '@millrace/accounts';
import {
  changeUserRequestSchema,
  createUserRequestSchema,
  deleteUserQuerySchema,
  userSchema,
  usersQuerySchema,
  usersResponseSchema,
} from '@millrace/contracts';
import { userView } from '../accountViews';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { endpoint, jsonBody } from '../http/endpoint';
import { newQuotas } from '../newQuotas';
import { inPath } from './pathParameters';

export const createUser = endpoint({
  method: 'POST',
  path: '/api/v1/users',
  summary: 'Make a user, with a collection of its own',
  params: {},
  body: jsonBody(createUserRequestSchema),
  responses: { 201: { description: 'The user', schema: userSchema } },
  errors: ['EMAIL_TAKEN'],
  access: 'users.manage',
  rateClass: 'admin',
  uses: ['access', 'config', 'database'],
}).handle(async ({ body }, { access, config, database }) => {
  const user = await create(database, { ...body, quotas: newQuotas(config) }, access.principal);
  return { status: 201, headers: { Location: `/api/v1/users/${user.id}` }, body: userView(user) };
});

export const listUsers = endpoint({
  method: 'GET',
  path: '/api/v1/users',
  summary: 'List users, the newest first',
  description: 'Every filter that is given must hold.',
  params: {},
  query: usersQuerySchema,
  responses: { 200: { description: 'Users that fit', schema: usersResponseSchema } },
  errors: [],
  access: 'users.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ query: { role: roles, status: statuses, email, limit, cursor } }, { database }) => {
  const rows = await database.users.list({ roles, statuses, email }, { after: decodePlace(cursor), limit: limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, limit);
  return { status: 200, body: { users: items.map(userView), next_cursor: nextCursor } };
});

export const getUser = endpoint({
  method: 'GET',
  path: '/api/v1/users/{id}',
  summary: 'Get a user',
  params: { id: inPath.userId },
  responses: { 200: { description: 'The user', schema: userSchema } },
  errors: ['USER_NOT_FOUND'],
  access: 'users.manage',
  rateClass: 'admin',
  uses: ['access'],
}).handle(async ({ params }, { access }) => {
  return { status: 200, body: userView(await access.user(params.id)) };
});

export const changeUser = endpoint({
  method: 'PATCH',
  path: '/api/v1/users/{id}',
  summary: 'Change, disable or enable a user',
  description:
    'What is left out stays as it is. A new role and a new status count at once. A new password ends all sessions.',
  params: { id: inPath.userId },
  body: jsonBody(changeUserRequestSchema),
  responses: { 200: { description: 'The user after the change', schema: userSchema } },
  errors: ['USER_NOT_FOUND', 'EMAIL_TAKEN', 'LAST_ADMIN'],
  access: 'users.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params, body }, { access, database }) => {
  const { id } = await access.user(params.id);
  return { status: 200, body: userView(await change(database, id, body, access.principal)) };
});

export const deleteUser = endpoint({
  method: 'DELETE',
  path: '/api/v1/users/{id}',
  summary: 'Delete a user with its API keys and sessions',
  description: 'Its collections must go to another user, or be deleted before.',
  params: { id: inPath.userId },
  query: deleteUserQuerySchema,
  responses: { 204: { description: 'The user is deleted.' } },
  errors: ['USER_NOT_FOUND', 'FIRST_ADMIN', 'LAST_ADMIN', 'USER_OWNS_COLLECTIONS'],
  access: 'users.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params, query }, { access, database }) => {
  const { id } = await access.user(params.id);
  await remove(database, { id, transferTo: query.transfer_to }, access.principal);
  return { status: 204 };
});
