import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { grantToKnownRoles } from './privileges';

const directory = join(__dirname, '..', 'migrations');

/** The names of all migrations, in order: what a database that is up to date has run. */
export function migrationNames(): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

export interface MigrateOptions {
  databaseUrl: string;
  direction: 'up' | 'down';
  /** How many migrations; all of them when left out. */
  count?: number;
  /** The model and dimensions of the vectors to be stored: they decide the vector column's type. */
  embeddingModel: string;
  embeddingDimensions: number;
  log?: (message: string) => void;
}

/**
 * Runs the SQL files in packages/database/migrations, up or down, each in a transaction of its own. Two runs at once are
 * safe: the second waits for the first. A database that holds no vectors yet takes over the model, and the roles of
 * `makeRoles` get their rights on new tables. @returns the names of the migrations that were run.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const client = new Client({ connectionString: options.databaseUrl, application_name: 'millrace-migrate' });
  await client.connect();
  try {
    // node-pg-migrate's own lock refuses a second run; waiting is what a deploy of several containers needs.
    await client.query('SELECT pg_advisory_lock($1)', [schemaLock]);
    await client.query(
      `SELECT set_config('millrace.embedding_model', $1, false), set_config('millrace.embedding_dimensions', $2, false)`,
      [options.embeddingModel, String(options.embeddingDimensions)],
    );
    const run = await runner({
      dbClient: client,
      dir: directory,
      migrationsTable: 'pgmigrations',
      direction: options.direction,
      count: options.count ?? Number.POSITIVE_INFINITY,
      noLock: true,
      log: options.log ?? (() => undefined),
    });
    if (options.direction === 'up') {
      await client.query(
        'UPDATE embedding_settings SET model = $1 WHERE model <> $1 AND NOT EXISTS (SELECT FROM document_chunks)',
        [options.embeddingModel],
      );
    }
    await grantToKnownRoles(client);
    return run.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

/** Any fixed number, so that all programs that change the schema or the roles contend for the same lock. */
export const schemaLock = 7_316_420_015;
