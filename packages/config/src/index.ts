export { resolveApiKey } from './apiKey';
export { type Config, ConfigError, loadConfig, loadMigrationConfig, type MigrationConfig } from './config';
