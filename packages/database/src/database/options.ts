import type { Config } from '@millrace/config';
import type { DatabaseOptions } from './database';

/** Returns the options that the environment sets. @param applicationName the name that pg_stat_activity shows. */
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
