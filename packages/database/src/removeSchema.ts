import { Client } from 'pg';
import { type MigrateOptions, migrate } from './migrations';

/** Undoes every migration and forgets that any has run: the database is as empty as before the first one. */
export async function removeSchema(options: Omit<MigrateOptions, 'direction' | 'count'>): Promise<void> {
  await migrate({ ...options, direction: 'down' });
  await withOwner(options.databaseUrl, (client) => client.query('DROP TABLE IF EXISTS pgmigrations'));
}

/** Whether the schema public has a table in it. */
export async function hasTables(databaseUrl: string): Promise<boolean> {
  const { rowCount } = await withOwner(databaseUrl, (client) =>
    client.query(`SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') LIMIT 1`),
  );
  return rowCount !== 0;
}

async function withOwner<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'millrace-schema' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
