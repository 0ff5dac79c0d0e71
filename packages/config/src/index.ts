export { resolveApiKey } from './apiKey';
export { type Config, loadConfig, loadMigrationConfig, type MigrationConfig } from './config';
export { ConfigError } from './configError';
export { configuredModels } from './embedding';
export { withOwnNames } from './otherNames';
