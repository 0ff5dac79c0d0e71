import type { Database } from '@millrace/database';
import { createOwnDatabase } from '@millrace/test-support/lifecycle';
import { KeyUses } from '../src/authorization/keyUses';
import type { Principal } from '../src/authorization/principal';
import { newKey, newUser } from './principals';

let database: Database;
let dispose: () => Promise<void>;
beforeAll(async () => {
  ({ database, dispose } = await createOwnDatabase());
});
afterAll(() => dispose());

async function keyOfNewUser(): Promise<Principal> {
  const userId = await newUser(database);
  await newKey(database, userId);
  const { id } = await database.sql.one<{ id: string }>('SELECT id FROM api_keys WHERE user_id = $1', [userId]);
  const limits = { scopes: null, collectionIds: null, expiresAt: null, defaultCollectionId: null };
  return { kind: 'api-key', id, userId, role: 'member', ...limits };
}

const lastUse = async ({ id }: Principal) => (await database.apiKeys.find(id))?.lastUsedAt ?? null;
const forget = ({ id }: Principal) => database.sql.none('UPDATE api_keys SET last_used_at = NULL WHERE id = $1', [id]);

test('When a key is used again within a minute, then the database is not asked; after it, the use is noted', async () => {
  let now = 1_000_000;
  const uses = new KeyUses(database.apiKeys, () => now);
  const key = await keyOfNewUser();
  await uses.note(key);
  expect(await lastUse(key)).toBeInstanceOf(Date);
  await forget(key);
  now += 59_999;
  await uses.note(key);
  expect(await lastUse(key)).toBeNull();
  now += 1;
  await uses.note(key);
  expect(await lastUse(key)).toBeInstanceOf(Date);
});

test('When many other keys were used since, then a key is noted again rather than all of them kept in memory', async () => {
  const uses = new KeyUses(database.apiKeys, () => 0);
  const key = await keyOfNewUser();
  await uses.note(key);
  await forget(key);
  await Promise.all(Array.from({ length: 1_000 }, () => uses.note({ ...key, id: crypto.randomUUID() })));
  await uses.note(key);
  expect(await lastUse(key)).toBeInstanceOf(Date);
});

test('When noting fails, then the request does not, and the next use is noted', async () => {
  const uses = new KeyUses(database.apiKeys, () => 0);
  const key = await keyOfNewUser();
  await database.sql.none('ALTER TABLE api_keys RENAME TO api_keys_away');
  try {
    await uses.note(key);
  } finally {
    await database.sql.none('ALTER TABLE api_keys_away RENAME TO api_keys');
  }
  expect(await lastUse(key)).toBeNull();
  await uses.note(key);
  expect(await lastUse(key)).toBeInstanceOf(Date);
});
