import { existsSync } from 'node:fs';
import { loadMigrationConfig, type MigrationConfig } from '@millrace/config';
import { tlsWarning } from './connection/tls';
import { migrate } from './schema/migrations';
import { makeRoles } from './schema/roles';

const usage = `usage: node packages/database/dist/migrate.js up | down [COUNT] | roles
  up          runs every migration that has not run yet
  down COUNT  undoes the newest COUNT migrations (default: 1); the data in their tables is lost
  roles       makes the roles of services and searches, with the passwords of DATABASE_SERVICE_PASSWORD and
              DATABASE_READONLY_PASSWORD`;

/** The migration program for machines without npm. It uses DATABASE_MIGRATION_URL, or DATABASE_URL when that is not set. */
async function main(args: string[]): Promise<void> {
  const [action, count = '1', ...rest] = args;
  const takesCount = action === 'down';
  const isKnown = action === 'up' || action === 'down' || action === 'roles';
  if (!isKnown || rest.length > 0 || !/^[1-9]\d*$/.test(count) || (args.length > 1 && !takesCount)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  if (existsSync('.env')) {
    process.loadEnvFile('.env');
  }
  const config = loadMigrationConfig(process.env);
  const variable = config.DATABASE_MIGRATION_URL === config.DATABASE_URL ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL';
  const warning = tlsWarning(variable, config.DATABASE_MIGRATION_URL, config.DATABASE_CA_FILE);
  if (warning !== null) {
    console.error(warning);
  }
  await (action === 'roles' ? runRoles(config) : runMigrations(config, action, Number(count)));
}

async function runMigrations(config: MigrationConfig, direction: 'up' | 'down', count: number): Promise<void> {
  const names = await migrate({
    databaseUrl: config.DATABASE_MIGRATION_URL,
    caFile: config.DATABASE_CA_FILE,
    direction,
    ...(direction === 'down' ? { count } : {}),
    embedding: config.embedding,
  });
  console.log(names.length === 0 ? 'No migration to run' : `Migrated ${direction}: ${names.join(', ')}`);
}

async function runRoles(config: MigrationConfig): Promise<void> {
  const passwords = { service: config.DATABASE_SERVICE_PASSWORD, readonly: config.DATABASE_READONLY_PASSWORD };
  const { names, made } = await makeRoles({
    databaseUrl: config.DATABASE_MIGRATION_URL,
    caFile: config.DATABASE_CA_FILE,
    passwords,
  });
  console.log(`Roles: ${names.service} for services, ${names.readonly} for searches`);
  for (const role of made.filter((candidate) => passwords[candidate] === undefined)) {
    console.log(`${names[role]} was made without a password and cannot log in. Set its variable and run this again.`);
  }
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`The command failed and was rolled back: ${error.message}`);
  process.exitCode = 1;
});
