import { loadMigrationConfig, type MigrationConfig } from '@millrace/config';
import { Database, type MigrateOptions } from '@millrace/database';
import {
  checkServer,
  configuredOwner,
  ensureServices,
  Interrupted,
  type OwnedDatabase,
  type StackContext,
  withInterrupt,
} from '@millrace/stack';

/** Access to the database with the owner's rights, and the configured embedding model. */
export type OwnerAccess = OwnedDatabase & Pick<MigrateOptions, 'embedding'> & { readonly config: MigrationConfig };

/**
 * Runs `work` with the owner's rights, on the configured database. If none is configured, it starts this checkout's own
 * server and uses the database there.
 * @param options.keep leaves that server running when the command ends
 * @throws ConfigError for an unusable environment
 * @throws StackError when the configured server does not answer
 */
export async function withOwnerAccess<T>(
  context: StackContext,
  work: (owner: OwnerAccess) => Promise<T>,
  { keep = false } = {},
): Promise<T> {
  const configured = configuredOwner(context);
  if (configured) {
    await checkServer('postgres', configured.url, configured.variable);
    return work(makeOwner(context, { databaseUrl: configured.url, isOwnServer: false }));
  }
  const services = await ensureServices(context, { keep });
  try {
    return await work(makeOwner(context, { databaseUrl: services.databaseUrl, isOwnServer: true }));
  } finally {
    await services.stop();
  }
}

function makeOwner(context: StackContext, owned: OwnedDatabase): OwnerAccess {
  const config = loadMigrationConfig({ ...context.environment, DATABASE_URL: owned.databaseUrl });
  return { ...owned, config, embedding: config.embedding };
}

interface OwnerConnection {
  database: Database;
  owner: OwnerAccess;
  signal: AbortSignal;
}

/**
 * Runs `work` with the owner's rights and connections to the database. Ctrl+C aborts the signal.
 * @param options.name the command's name in pg_stat_activity
 * @param options.whenInterrupted a message that is printed after an interrupt: what is left, and how to continue
 * @throws Interrupted when the user asked to stop
 */
export async function withOwnerConnection(
  context: StackContext,
  options: { name: string; whenInterrupted: string },
  work: (connection: OwnerConnection) => Promise<void>,
): Promise<void> {
  const print = (line: string) => console.error(line);
  try {
    await withInterrupt(print, (signal) =>
      withOwnerAccess(context, async (owner) => {
        const database = new Database({
          url: owner.databaseUrl,
          poolMax: 2,
          connectTimeoutMs: 10_000,
          applicationName: `millrace-${options.name}`,
        });
        try {
          await work({ database, owner, signal });
        } finally {
          await database.close();
        }
      }),
    );
  } catch (error) {
    if (error instanceof Interrupted) {
      print(options.whenInterrupted);
    }
    throw error;
  }
}
