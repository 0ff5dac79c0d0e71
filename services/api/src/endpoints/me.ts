import { changeUser, verifyPassword } from '@millrace/accounts';
import { changeMeRequestSchema, MillraceError, meSchema, newId } from '@millrace/contracts';
import { meView } from '../accountViews';
import { endpoint, jsonBody } from '../http/endpoint';

export const getMe = endpoint({
  method: 'GET',
  path: '/api/v1/me',
  summary: 'Get the user who makes the request, and what its key may be used for',
  params: {},
  responses: { 200: { description: 'Who makes the request', schema: meSchema } },
  errors: ['USER_NOT_FOUND'],
  access: 'account.read',
  rateClass: 'read',
  uses: ['access'],
}).handle(async (_input, { access }) => {
  const { principal } = access;
  return { status: 200, body: meView(await access.user(principal.userId), principal) };
});

export const changeMe = endpoint({
  method: 'PATCH',
  path: '/api/v1/me',
  summary: 'Change the own name, password or default collection',
  description:
    'A new password needs the current one. It ends all sessions of the user, this one included. API keys stay.',
  params: {},
  body: jsonBody(changeMeRequestSchema),
  responses: { 200: { description: 'The user after the change', schema: meSchema } },
  errors: ['USER_NOT_FOUND', 'PASSWORD_WRONG', 'COLLECTION_NOT_FOUND'],
  access: 'account.change',
  rateClass: 'write',
  uses: ['access', 'database', 'passwordGuard'],
}).handle(async ({ body, address }, { access, database, passwordGuard }) => {
  const { name, password, current_password, default_collection_id: defaultCollectionId } = body;
  const { principal } = access;
  if (defaultCollectionId) {
    await access.requireVisible(await access.user(principal.userId), [defaultCollectionId]);
  }
  if (password !== undefined) {
    const { email } = await access.user(principal.userId);
    await passwordGuard.admit(email, address);
    const stored = await database.users.findPasswordHash(principal.userId);
    if (!(await verifyPassword(stored, current_password ?? ''))) {
      if (await passwordGuard.failed(address)) {
        const about = { userId: principal.userId, details: { to: 'change the password' } };
        await database.actions.record({ id: newId(), kind: 'sign_in_failed', actor: principal, ...about });
      }
      throw new MillraceError('PASSWORD_WRONG');
    }
    await passwordGuard.succeeded(email);
  }
  const user = await changeUser(database, principal.userId, { name, password, defaultCollectionId }, principal);
  return { status: 200, body: meView(user, principal) };
});
