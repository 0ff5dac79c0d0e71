import { hashPassword, newPassword } from '@millrace/accounts';
import type { Config } from '@millrace/config';
import { keyScope, newId } from '@millrace/contracts';
import { type Database, firstAdminId } from '@millrace/database';
import { storedKey } from './apiKeys';

/** Makes the key of the configuration the first admin's. Several processes may do so at once. */
export async function configureKey(database: Database, key: string): Promise<void> {
  await database.transaction(({ apiKeys }) =>
    apiKeys.configure({
      id: newId(),
      userId: firstAdminId,
      name: 'The key of the configuration',
      ...storedKey(key),
      scopes: keyScope.options,
      collectionIds: null,
      expiresAt: null,
    }),
  );
}

/**
 * Gives the first admin its e-mail and password, unless it has a password. Several processes may do so at once; one succeeds.
 * @returns the password if it was made here, so that the caller prints it once
 * @throws MillraceError EMAIL_TAKEN
 */
export async function preparePassword(
  database: Database,
  configured: Pick<Config, 'MILLRACE_ADMIN_EMAIL' | 'MILLRACE_ADMIN_PASSWORD'>,
): Promise<{ email: string; password: string } | null> {
  const { MILLRACE_ADMIN_EMAIL: email, MILLRACE_ADMIN_PASSWORD: given } = configured;
  if ((await database.users.find(firstAdminId))?.hasPassword !== false) {
    return null;
  }
  const password = given ?? newPassword();
  const passwordHash = await hashPassword(password);
  const admin = await database.transaction(async ({ users, actions }) => {
    const locked = await users.lock(firstAdminId);
    if (locked?.hasPassword !== false) {
      return null;
    }
    const changed = await users.change(firstAdminId, { email, passwordHash });
    const details = { email: changed?.email };
    await actions.record({
      id: newId(),
      kind: 'password_changed',
      actor: { kind: 'system' },
      userId: firstAdminId,
      details,
    });
    return changed;
  });
  return admin && given === undefined ? { email: admin.email, password } : null;
}
