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

/** The database as its owner, and the configuration of its vectors. */
export type Owner = OwnedDatabase &
  Pick<MigrateOptions, 'embeddingModel' | 'embeddingDimensions'> & { readonly config: MigrationConfig };

/**
 * Runs `work` on the database as its owner: the configured database, else that of the server of this checkout, which is
 * started for it.
 * @param options.keep the server stays when the command ends
 * @throws ConfigError for an unusable environment
 * @throws StackError when the configured server does not answer
 */
export async function withOwner<T>(
  context: StackContext,
  work: (owner: Owner) => Promise<T>,
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

function makeOwner(context: StackContext, owned: OwnedDatabase): Owner {
  const config = loadMigrationConfig({ ...context.environment, DATABASE_URL: owned.databaseUrl });
  return { ...owned, config, embeddingModel: config.embedding.model, embeddingDimensions: config.embedding.dimensions };
}

interface DatabaseWork {
  database: Database;
  owner: Owner;
  signal: AbortSignal;
}

/**
 * Runs `work` with connections to the database as its owner, until it ends or is interrupted.
 * @param options.name names the command in the list of sessions
 * @param options.whenInterrupted is said after an interrupt: what is left, and how to go on
 * @throws Interrupted when the user asked to stop
 */
export async function withOwnerDatabase(
  context: StackContext,
  options: { name: string; whenInterrupted: string },
  work: (work: DatabaseWork) => Promise<void>,
): Promise<void> {
  const say = (line: string) => console.error(line);
  try {
    await withInterrupt(say, (signal) =>
      withOwner(context, async (owner) => {
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
      say(options.whenInterrupted);
    }
    throw error;
  }
}
