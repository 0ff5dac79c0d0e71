export { resolveApiKey } from './apiKey';
export { type Config, ConfigError, loadConfig, loadMigrationConfig, type MigrationConfig } from './config';
export { configuredModels, type EmbeddingConfig, type NextEmbeddingConfig } from './embedding';
