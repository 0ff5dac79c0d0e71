import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddingModel, MillraceError, modelOf } from '@millrace/contracts';
import type { Client } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';
import { grantToKnownRoles } from './privileges';

const directory = join(__dirname, '..', '..', 'migrations');

/** Returns the names of all migrations in order. */
export function migrationNames(): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

export interface MigrateOptions extends DatabaseAddress {
  direction: 'up' | 'down';
  /** How many migrations run. The default is all. */
  count?: number;
  /** The model of the vectors. Its dimensions decide the type of the vector column. */
  embedding: EmbeddingModel;
  /**
   * How long a statement may wait for a table's lock, in milliseconds. The default is a minute. Later statements queue behind
   * it, so it must not wait for ever.
   */
  lockTimeoutMs?: number;
  log?: (message: string) => void;
}

/**
 * Runs the SQL files in packages/database/migrations, up or down, in one transaction. A second run waits for the first. A
 * database without vectors takes the given model. The roles of `makeRoles` get their privileges on new tables.
 * @returns the names of the migrations that ran.
 * @throws MillraceError SETUP_INVALID while a re-embedding runs, DATABASE_UNAVAILABLE or DATABASE_TLS_FAILED, or the error of the failing statement, such as a lock
 *   timeout. Then nothing has changed.
 */
export function migrate(options: MigrateOptions): Promise<string[]> {
  const { direction, embedding, lockTimeoutMs = 60_000 } = options;
  return withClient(options, { application_name: 'millrace-migrate' }, async (client) => {
    // Lock and settings belong to the transaction, because a pooler in transaction mode keeps nothing beyond it. The runner's
    // BEGIN inside it only causes a warning. The runner's COMMIT or ROLLBACK ends our transaction.
    await begin(client);
    if (direction === 'up') {
      await refuseDuringReEmbedding(client);
    }
    await client.query(
      `SELECT set_config('millrace.embedding_model', $1, true), set_config('millrace.embedding_dimensions', $2, true),
              set_config('lock_timeout', $3, true)`,
      [embedding.model, String(embedding.dimensions), String(lockTimeoutMs)],
    );
    // Loaded here, because every service imports this file, and only a migration needs it.
    const { runner } = await import('node-pg-migrate');
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
    // Ends our transaction when there was nothing to run.
    await client.query('COMMIT');
    await begin(client);
    if (direction === 'up') {
      await takeModel(client, embedding);
    }
    await grantToKnownRoles(client);
    await client.query('COMMIT');
    if (direction === 'up') {
      await updateExtension(client);
    }
    return run.map((migration) => migration.name);
  });
}

/**
 * A migration may change document_chunks, and document_chunks_next would stay as it is. Then no new vector could be stored,
 * although it has been paid for.
 */
async function refuseDuringReEmbedding(client: Client): Promise<void> {
  const { rowCount } = await client.query(`SELECT WHERE to_regclass('document_chunks_next') IS NOT NULL`);
  if (rowCount === 0) {
    return;
  }
  const done = await client.query('SELECT FROM pgmigrations');
  if ((done.rowCount ?? 0) < migrationNames().length) {
    throw new MillraceError(
      'SETUP_INVALID',
      'A re-embedding is under way, and migrations would end it. Let it end first, or cancel it ("re-embed cancel"), with the version of Millrace that runs.',
    );
  }
}

/**
 * Gives the database the definitions of the server's pgvector after that was replaced. Only the owner of the extension may,
 * so checkSetup warns when it was not done.
 */
async function updateExtension(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    `SELECT FROM pg_available_extensions WHERE name = 'vector' AND installed_version <> default_version`,
  );
  if (rowCount === 0) {
    return;
  }
  await begin(client);
  await client.query('ALTER EXTENSION vector UPDATE').then(
    () => client.query('COMMIT'),
    () => client.query('ROLLBACK'),
  );
}

/** Sets the model of a database that has no vectors. */
async function takeModel(client: Client, embedding: EmbeddingModel): Promise<void> {
  const { model, dimensions, queryPrefix, documentPrefix, context } = modelOf(embedding);
  // A database that is migrated only in part may lack the later columns.
  const { rowCount } = await client.query(
    `SELECT FROM pg_attribute WHERE attrelid = to_regclass('embedding_settings') AND attname = 'model_key'`,
  );
  if (rowCount === 0) {
    return;
  }
  await client.query(
    `UPDATE embedding_settings SET model = $1, query_prefix = $3, document_prefix = $4, context = $5
     WHERE (model, query_prefix, document_prefix, context) <> ($1, $3, $4, $5)
       AND dimensions = $2 AND NOT EXISTS (SELECT FROM document_chunks)`,
    [model, dimensions, queryPrefix, documentPrefix, context],
  );
}

/** Begins a transaction that excludes all other changes of the schema and the roles. */
async function begin(client: Client): Promise<void> {
  await client.query('BEGIN');
  // node-pg-migrate's own lock refuses a second run. A deploy of several containers needs the second run to wait.
  await client.query('SELECT pg_advisory_xact_lock($1)', [schemaLock]);
}

/** The key of the advisory lock of all programs that change the schema or the roles. No other lock has this number. */
export const schemaLock = 7_316_420_015;
