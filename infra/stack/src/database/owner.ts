import { loadMigrationConfig } from '@millrace/config';
import type { MigrateOptions } from '@millrace/database';
import type { StackContext } from '../context';
import { ensureServices } from '../services/backingServices';
import { checkGiven, givenUrl, givenVariables, withCaFile } from '../services/givenServices';
import type { OwnedDatabase } from './roles';

/** What the commands that change the schema need: the database as its owner, and the vectors it is for. */
export type OwnerOptions = OwnedDatabase & Pick<MigrateOptions, 'embeddingModel' | 'embeddingDimensions'>;

/** The database as its owner, with the CA file in the URL: DATABASE_MIGRATION_URL, else DATABASE_URL, else undefined. */
export function givenOwner(context: StackContext): { url: string; variable: string } | undefined {
  const { DATABASE_MIGRATION_URL: owners, DATABASE_CA_FILE } = context.environment;
  if (owners) {
    return { url: withCaFile(owners, DATABASE_CA_FILE), variable: 'DATABASE_MIGRATION_URL' };
  }
  const url = givenUrl(context, 'postgres');
  return url === undefined ? undefined : { url, variable: givenVariables.postgres };
}

/**
 * Runs `work` on the database as its owner: the one that was given, else that of the server started here.
 * @param keep the server started here is to stay
 * @throws ConfigError, or StackError when the given server does not answer
 */
export async function withOwner<T>(
  context: StackContext,
  work: (owner: OwnerOptions) => Promise<T>,
  { keep = false } = {},
): Promise<T> {
  const given = givenOwner(context);
  if (given) {
    await checkGiven('postgres', given.url, given.variable);
    return work(ownerOptions(context, { databaseUrl: given.url, isOwnServer: false }));
  }
  const services = await ensureServices(context, { keep });
  try {
    return await work(ownerOptions(context, { databaseUrl: services.databaseUrl, isOwnServer: true }));
  } finally {
    await services.stop();
  }
}

function ownerOptions(context: StackContext, owned: OwnedDatabase): OwnerOptions {
  const config = loadMigrationConfig({ ...context.environment, DATABASE_URL: owned.databaseUrl });
  return {
    ...owned,
    embeddingModel: config.embedding.model,
    embeddingDimensions: config.embedding.dimensions,
  };
}
