import {
  actorText,
  createdKeySchema,
  createKeyRequestSchema,
  keysQuerySchema,
  keysResponseSchema,
  MillraceError,
  newId,
} from '@millrace/contracts';
import { keyView } from '../accountViews';
import { newApiKey, storedKey } from '../authorization/apiKeys';
import { refuseExcess } from '../authorization/keyLimits';
import { decodePlace, toPlacedPage } from '../http/cursor';
import { endpoint, jsonBody } from '../http/endpoint';
import { inPath } from './pathParameters';

export const createKey = endpoint({
  method: 'POST',
  path: '/api/v1/keys',
  summary: 'Make an API key',
  description:
    'The answer has the key, which is shown only once. A key never gives more than its user has at the time of a request, ' +
    'and a key that makes another one gives at most its own scopes and time.',
  params: {},
  body: jsonBody(createKeyRequestSchema),
  responses: { 201: { description: 'The key', schema: createdKeySchema } },
  errors: ['USER_NOT_FOUND', 'COLLECTION_NOT_FOUND'],
  access: 'keys.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ body }, { access, database }) => {
  const user = await access.keyUser(body.user_id);
  const wanted = {
    scopes: body.scopes,
    collectionIds: body.collection_ids ?? null,
    expiresAt: body.expires_at === undefined ? null : new Date(body.expires_at),
  };
  if (wanted.expiresAt !== null && wanted.expiresAt.getTime() <= Date.now()) {
    const message = 'must be in the future';
    throw new MillraceError('REQUEST_INVALID', `expires_at: ${message}.`, {
      extra: { errors: [{ path: 'expires_at', message }] },
    });
  }
  refuseExcess(wanted, access.principal, user);
  await access.requireVisible(user, wanted.collectionIds ?? []);
  const key = newApiKey();
  const row = await database.transaction(async ({ apiKeys, users, actions }) => {
    if (!(await users.keep(user.id))) {
      throw new MillraceError('USER_NOT_FOUND', `There is no user ${user.id}.`);
    }
    const stored = storedKey(key);
    const made = await apiKeys.insert({ id: newId(), userId: user.id, name: body.name, ...stored, ...wanted });
    const about = { userId: user.id, details: { prefix: stored.prefix } };
    await actions.record({ id: newId(), kind: 'key_created', actor: access.principal, ...about });
    return made;
  });
  return { status: 201, headers: { 'Cache-Control': 'no-store' }, body: { ...keyView(row), key } };
});

export const listKeys = endpoint({
  method: 'GET',
  path: '/api/v1/keys',
  summary: 'List the API keys of a user, the newest first',
  params: {},
  query: keysQuerySchema,
  responses: { 200: { description: 'Keys', schema: keysResponseSchema } },
  errors: ['USER_NOT_FOUND'],
  access: 'keys.manage',
  rateClass: 'read',
  uses: ['access', 'database'],
}).handle(async ({ query: { user_id, limit, cursor } }, { access, database }) => {
  const { id } = await access.keyUser(user_id);
  const rows = await database.apiKeys.list(id, { after: decodePlace(cursor), limit: limit + 1 });
  const { items, nextCursor } = toPlacedPage(rows, limit);
  return { status: 200, body: { keys: items.map(keyView), next_cursor: nextCursor } };
});

export const revokeKey = endpoint({
  method: 'DELETE',
  path: '/api/v1/keys/{id}',
  summary: 'Revoke an API key',
  description: 'It stops working at once. Keys that it has made stay. Its record stays, with who revoked it.',
  params: { id: inPath.keyId },
  responses: { 204: { description: 'The key is revoked.' } },
  errors: ['KEY_NOT_FOUND'],
  access: 'keys.manage',
  rateClass: 'admin',
  uses: ['access', 'database'],
}).handle(async ({ params }, { access, database }) => {
  const { id, userId, prefix } = await access.apiKey(params.id);
  const actor = access.principal;
  await database.transaction(async ({ apiKeys, actions }) => {
    if (await apiKeys.revoke(id, actorText(actor))) {
      await actions.record({ id: newId(), kind: 'key_revoked', actor, userId, details: { prefix } });
    }
  });
  return { status: 204 };
});
