import { configuredModels, loadMigrationConfig } from '@millrace/config';
import {
  checkSetup,
  checkVectorVersions,
  Database,
  tlsWarning,
  type VectorVersions,
  vectorVersionsQuery,
} from '@millrace/database';
import { describeDatabase, messageOf, type StackContext, withRedis } from '@millrace/stack';
import { type Finding, fault, ok, warning } from './finding';

const timeoutMs = 5_000;

/** Checks the database as a service does when it starts: versions, extension, migrations and the model of its vectors. */
export async function checkDatabase({ environment }: StackContext, url: string): Promise<Finding[]> {
  const database = new Database({
    url,
    poolMax: 1,
    connectTimeoutMs: timeoutMs,
    statementTimeoutMs: timeoutMs,
    applicationName: 'millrace-doctor',
  });
  try {
    const { version } = await database.sql.one<{ version: string }>(
      `SELECT current_setting('server_version') AS version`,
    );
    const models = configuredModels(loadMigrationConfig({ ...environment, DATABASE_URL: url }));
    const vector = await checkVector(database);
    const tables = await checkSetup(database.sql, ...models).then(
      () => ok('Tables: all migrations have run, and the model fits'),
      (error: unknown) => fault(messageOf(error)),
    );
    // A database without the extension fails both for the same reason.
    const isSame = vector.text === tables.text;
    return [ok(`PostgreSQL ${version} at ${describeDatabase(url)}`), vector, ...(isSame ? [] : [tables])];
  } catch (error) {
    return [fault(`PostgreSQL at ${describeDatabase(url)}: ${messageOf(error)}`)];
  } finally {
    await database.close();
  }
}

/** Judges the version of pgvector, also of a database whose migrations have not run. */
async function checkVector({ sql }: Database): Promise<Finding> {
  const versions = await sql.one<VectorVersions>(vectorVersionsQuery);
  try {
    const text = checkVectorVersions(versions);
    return text === null ? ok(`pgvector ${versions.available}`) : warning(text);
  } catch (error) {
    return fault(messageOf(error));
  }
}

/** Finds the addresses of databases on other machines to which the connection is not encrypted. */
export function checkEncryption({ environment }: StackContext): Finding[] {
  const { DATABASE_URL, DATABASE_READ_URL, DATABASE_MIGRATION_URL, DATABASE_CA_FILE } = environment;
  return Object.entries({ DATABASE_URL, DATABASE_READ_URL, DATABASE_MIGRATION_URL }).flatMap(([variable, url]) => {
    if (!url || !URL.canParse(url)) {
      return [];
    }
    try {
      const text = tlsWarning(variable, url, DATABASE_CA_FILE || undefined);
      return text === null ? [] : [warning(text)];
    } catch (error) {
      return [fault(messageOf(error))];
    }
  });
}

/** Checks the version and the settings of Redis. */
export async function checkRedis(url: string): Promise<Finding[]> {
  const where = `Redis at ${new URL(url).host}`;
  try {
    const [info, policy] = await withRedis(url, timeoutMs, (redis) =>
      Promise.all([redis.info('server'), redis.config('GET', 'maxmemory-policy').catch(() => [])]),
    );
    const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0';
    return [judgeRedis(where, version, Array.isArray(policy) ? policy[1] : undefined)];
  } catch (error) {
    return [fault(`${where} does not answer: ${messageOf(error)}.`)];
  }
}

/** Judges a version of Redis and its maxmemory-policy, which managed servers may hide. */
export function judgeRedis(where: string, version: string, policy: unknown): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    return fault(`${where} is version ${version}; Millrace needs 6.2 or newer.`);
  }
  return policy === undefined || policy === 'noeviction'
    ? ok(`${where} is version ${version}`)
    : fault(`${where} has maxmemory-policy ${policy} and may delete deliveries. Set it to noeviction.`);
}
