import type { EmbeddingModel } from '@millrace/contracts';
import { plainModel } from '@millrace/test-support';
import { Database, migrate } from '../src';

/** The model of the test databases. */
export const embedding = plainModel('test-model');

/** Runs the migrations of an empty database. @returns the names of those that ran. */
export function runMigrations(
  databaseUrl: string,
  direction: 'up' | 'down',
  changes: { count?: number; lockTimeoutMs?: number; embedding?: EmbeddingModel } = {},
): Promise<string[]> {
  return migrate({
    databaseUrl,
    direction,
    embedding,
    ...changes,
  });
}

export async function withDatabase<T>(url: string, work: (database: Database) => Promise<T>): Promise<T> {
  const database = new Database({ url, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
