import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import type { Client } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';
import { grantToKnownRoles } from './privileges';

const directory = join(__dirname, '..', '..', 'migrations');

/** The names of all migrations, in order: what a database that is up to date has run. */
export function migrationNames(): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

export interface MigrateOptions extends DatabaseAddress {
  direction: 'up' | 'down';
  /** How many migrations; all of them when left out. */
  count?: number;
  /** The model and dimensions of the vectors to be stored: they decide the vector column's type. */
  embeddingModel: string;
  embeddingDimensions: number;
  /**
   * How long a statement may wait for others to let go of a table, in milliseconds; a minute when left out. Whoever comes
   * after it waits as well, so it gives up rather than hold everybody.
   */
  lockTimeoutMs?: number;
  log?: (message: string) => void;
}

/**
 * Runs the SQL files in packages/database/migrations, up or down, in one transaction. Two runs at once are safe: the
 * second waits for the first. A database that holds no vectors yet takes over the model, and the roles of `makeRoles` get
 * their rights on new tables.
 * @returns the names of the migrations that were run.
 * @throws MillraceError DATABASE_UNAVAILABLE or DATABASE_TLS_FAILED; else the failing statement's error, of which one is that
 *   others held a table too long. Nothing of the run stays.
 */
export function migrate(options: MigrateOptions): Promise<string[]> {
  const { direction, embeddingModel, embeddingDimensions, lockTimeoutMs = 60_000 } = options;
  return withClient(options, { application_name: 'millrace-migrate' }, async (client) => {
    // All in one transaction, lock and settings included: a pooler in transaction mode keeps nothing beyond it. The runner's
    // BEGIN then begins nothing (a warning says so), and its COMMIT or ROLLBACK ends ours.
    await begin(client);
    await client.query(
      `SELECT set_config('millrace.embedding_model', $1, true), set_config('millrace.embedding_dimensions', $2, true),
              set_config('lock_timeout', $3, true)`,
      [embeddingModel, String(embeddingDimensions), String(lockTimeoutMs)],
    );
    const run = await runner({
      dbClient: client,
      dir: directory,
      migrationsTable: 'pgmigrations',
      direction,
      count: options.count ?? Number.POSITIVE_INFINITY,
      noLock: true,
      singleTransaction: true,
      log: options.log ?? (() => undefined),
    });
    // Ends ours, where there was nothing to run.
    await client.query('COMMIT');
    await begin(client);
    if (direction === 'up') {
      await client.query(
        `UPDATE embedding_settings SET model = $1
         WHERE model <> $1 AND dimensions = $2 AND NOT EXISTS (SELECT FROM document_chunks)`,
        [embeddingModel, embeddingDimensions],
      );
    }
    await grantToKnownRoles(client);
    await client.query('COMMIT');
    return run.map((migration) => migration.name);
  });
}

/** Begins a transaction that no other change of the schema or the roles meets. */
async function begin(client: Client): Promise<void> {
  await client.query('BEGIN');
  // node-pg-migrate's own lock refuses a second run; waiting is what a deploy of several containers needs.
  await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
}

/** Any fixed number, so that all programs that change the schema or the roles contend for the same lock. */
export const schemaLock = 7_316_420_015;
