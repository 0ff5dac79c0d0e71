import { existsSync } from 'node:fs';
import { type Config, ConfigError, loadConfig } from '@millrace/config';
import { errorCatalogue, MillraceError } from '@millrace/contracts';
import { createLogger, type Logger } from './logger';
import { type ShutdownPhase, stopOnSignal } from './shutdown';

export interface RunningService {
  /** Where the service can be reached; logged as fields of the line that says it has started. */
  urls: Record<string, string>;
  /** How to stop, in order. */
  stop: ShutdownPhase[];
}

/**
 * The main program of a service: reads .env and the environment, starts, says where it can be reached, and stops in
 * order. What keeps it from starting is said in plain words, and the exit code is 1.
 */
export function runService(name: string, start: (config: Config, logger: Logger) => Promise<RunningService>): void {
  startService(name, start).catch((error: unknown) => {
    const reason = plainReason(error);
    console.error(reason === null ? error : `${name} cannot start. ${reason}`);
    process.exit(1);
  });
}

/** What a person needs to know of a fault that is not the program's own; null for one that is. */
function plainReason(error: unknown): string | null {
  if (error instanceof MillraceError) {
    return `${error.message}\n${errorCatalogue[error.code].advice}`;
  }
  // The system's own faults, a port in use or a folder that is none, say in their message what and where.
  const isSystemFault = error instanceof Error && 'syscall' in error;
  return error instanceof ConfigError || isSystemFault ? (error as Error).message : null;
}

async function startService(
  name: string,
  start: (config: Config, logger: Logger) => Promise<RunningService>,
): Promise<void> {
  // From the first moment, so that a supervisor killed while we start leaves no orphan behind.
  const leave = () => process.exit(1);
  process.once('disconnect', leave);
  if (existsSync('.env')) {
    process.loadEnvFile('.env');
  }
  const config = loadConfig(process.env);
  const logger = createLogger(name, config.LOG_LEVEL);
  const service = await start(config, logger);
  process.off('disconnect', leave);
  stopOnSignal({ logger, timeoutMs: config.SHUTDOWN_TIMEOUT_MS, phases: service.stop });
  logger.info(service.urls, 'started');
  // A supervisor hears it whatever the log level.
  process.send?.(service.urls);
}
