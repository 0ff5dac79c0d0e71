export { resolveApiKey } from './apiKey';
export { type Config, ConfigError, loadConfig, loadMigrationConfig, type MigrationConfig } from './config';
export {
  type EmbeddingConfig,
  type EmbeddingSetup,
  embeddingSetups,
  isSameSetup,
  type NextEmbeddingConfig,
} from './embedding';
