import { existsSync } from 'node:fs';
import { loadMigrationConfig } from '@millrace/config';
import { migrate } from './migrations';

const usage = `usage: node packages/database/dist/migrate.js up | down [COUNT]
  up          runs every migration that has not run yet
  down COUNT  undoes the newest COUNT migrations (1 when left out); the data in their tables is lost`;

/** The migration program: `up`, or `down [COUNT]`, on the database of DATABASE_MIGRATION_URL or DATABASE_URL. */
async function main(args: string[]): Promise<void> {
  const [direction, count = '1', ...rest] = args;
  if ((direction !== 'up' && direction !== 'down') || rest.length > 0 || !/^[1-9]\d*$/.test(count)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  if (existsSync('.env')) {
    process.loadEnvFile('.env');
  }
  const config = loadMigrationConfig(process.env);
  const names = await migrate({
    databaseUrl: config.DATABASE_MIGRATION_URL,
    direction,
    ...(direction === 'down' ? { count: Number(count) } : {}),
    embeddingModel: config.EMBEDDING_MODEL,
    embeddingDimensions: config.EMBEDDING_DIMENSIONS,
  });
  console.log(names.length === 0 ? 'No migration to run' : `Migrated ${direction}: ${names.join(', ')}`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`The migration failed and was rolled back: ${error.message}`);
  process.exitCode = 1;
});
