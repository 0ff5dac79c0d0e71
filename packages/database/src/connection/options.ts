import type { Config } from '@millrace/config';
import type { DatabaseOptions } from './database';

/** The database as the environment describes it. @param applicationName shown in pg_stat_activity. */
export function databaseOptions(config: Config, applicationName: string): DatabaseOptions {
  return {
    url: config.DATABASE_URL,
    caFile: config.DATABASE_CA_FILE,
    poolMin: config.DATABASE_POOL_MIN,
    poolMax: config.DATABASE_POOL_MAX,
    connectTimeoutMs: config.DATABASE_CONNECT_TIMEOUT_MS,
    idleTimeoutMs: config.DATABASE_IDLE_TIMEOUT_MS,
    maxLifetimeMs: config.DATABASE_MAX_LIFETIME_MS,
    statementTimeoutMs: config.DATABASE_STATEMENT_TIMEOUT_MS,
    maxOutageMs: config.DATABASE_MAX_OUTAGE_MS,
    applicationName,
  };
}
