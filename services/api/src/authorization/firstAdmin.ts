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
