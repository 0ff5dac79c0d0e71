import { type DatabaseAddress, withClient } from '../connection/withClient';
import { type MigrateOptions, migrate } from './migrations';

const settings = { application_name: 'millrace-schema' };

/** Undoes every migration and drops their list. The database is then as empty as before the first one. */
export async function removeSchema(options: Omit<MigrateOptions, 'direction' | 'count'>): Promise<void> {
  await migrate({ ...options, direction: 'down' });
  await withClient(options, settings, (client) => client.query('DROP TABLE IF EXISTS pgmigrations'));
}

/** Returns whether the schema public has a table. */
export async function hasTables(address: DatabaseAddress): Promise<boolean> {
  const { rowCount } = await withClient(address, settings, (client) =>
    client.query(`SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') LIMIT 1`),
  );
  return rowCount !== 0;
}
