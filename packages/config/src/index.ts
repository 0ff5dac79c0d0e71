export { resolveApiKey } from './apiKey';
export { type Config, ConfigError, loadConfig } from './config';
