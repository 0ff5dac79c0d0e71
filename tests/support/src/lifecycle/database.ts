import { newId } from '@millrace/contracts';
import { Database, type DatabaseOptions, firstAdminId, restartGraceIsOver } from '@millrace/database';
import { createTestDatabase } from '../testDatabase';
import { waitFor } from '../waitFor';

/** Opens a database. The caller closes it. */
export function openDatabase(url: string, options: Partial<DatabaseOptions> = {}): Database {
  return new Database({ url, poolMax: 5, connectTimeoutMs: 60_000, applicationName: 'test', ...options });
}

export interface OwnDatabase {
  database: Database;
  url: string;
  /** Closes and drops the database. */
  dispose(): Promise<void>;
}

/** Makes and opens a database that no other test uses. Its vectors are of the model `test-model`. */
export async function createOwnDatabase(): Promise<OwnDatabase> {
  const testDatabase = await createTestDatabase({ model: 'test-model' });
  const database = openDatabase(testDatabase.url);
  await waitFor('the database server to be up long enough for leases to expire', async () => {
    const { isOver } = await database.sql.one<{ isOver: boolean }>(`SELECT ${restartGraceIsOver} AS "isOver"`);
    return isOver;
  });
  return {
    database,
    url: testDatabase.url,
    dispose: async () => {
      await database.close();
      await testDatabase.drop();
    },
  };
}

/** Makes a collection. @returns its id. */
export async function newCollection(database: Database): Promise<string> {
  const id = newId();
  await database.sql.none('INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, $1)', [id, firstAdminId]);
  return id;
}

/** Returns whether exactly `count` transactions of this database wait for a lock. */
export async function hasLockWaits(database: Database, count: number): Promise<boolean> {
  const { waiting } = await database.sql.one<{ waiting: number }>(
    `SELECT count(*)::integer AS waiting FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return waiting === count;
}
