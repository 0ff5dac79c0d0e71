import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { Client } from 'pg';
import { grantToKnownRoles } from './privileges';
import { translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

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
  /** See clientConfig. */
  caFile?: string | undefined;
  direction: 'up' | 'down';
  /** How many migrations; all of them when left out. */
  count?: number;
  /** The model and dimensions of the vectors to be stored: they decide the vector column's type. */
  embeddingModel: string;
  embeddingDimensions: number;
  log?: (message: string) => void;
}

/**
 * Runs the SQL files in packages/database/migrations, up or down, in one transaction. Two runs at once are safe: the
 * second waits for the first. A database that holds no vectors yet takes over the model, and the roles of `makeRoles` get
 * their rights on new tables.
 * @returns the names of the migrations that were run.
 */
export async function migrate(options: MigrateOptions): Promise<string[]> {
  const client = new Client({
    ...clientConfig(options.databaseUrl, options.caFile),
    application_name: 'millrace-migrate',
  });
  await client.connect().catch((error: unknown) => {
    throw translateSqlError(error);
  });
  try {
    // All in one transaction, lock and settings included: a pooler in transaction mode keeps nothing beyond it. The runner's
    // BEGIN then begins nothing (a warning says so), and its COMMIT or ROLLBACK ends ours.
    await client.query('BEGIN');
    // node-pg-migrate's own lock refuses a second run; waiting is what a deploy of several containers needs.
    await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    await client.query(
      `SELECT set_config('millrace.embedding_model', $1, true), set_config('millrace.embedding_dimensions', $2, true)`,
      [options.embeddingModel, String(options.embeddingDimensions)],
    );
    const run = await runner({
      dbClient: client,
      dir: directory,
      migrationsTable: 'pgmigrations',
      direction: options.direction,
      count: options.count ?? Number.POSITIVE_INFINITY,
      noLock: true,
      singleTransaction: true,
      log: options.log ?? (() => undefined),
    });
    // Ends ours, where there was nothing to run.
    await client.query('COMMIT');
    await client.query('BEGIN');
    await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
    if (options.direction === 'up') {
      await client.query(
        'UPDATE embedding_settings SET model = $1 WHERE model <> $1 AND NOT EXISTS (SELECT FROM document_chunks)',
        [options.embeddingModel],
      );
    }
    await grantToKnownRoles(client);
    await client.query('COMMIT');
    return run.map((migration) => migration.name);
  } finally {
    await client.end();
  }
}

/** Any fixed number, so that all programs that change the schema or the roles contend for the same lock. */
export const schemaLock = 7_316_420_015;
