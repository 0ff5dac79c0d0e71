import { existsSync } from 'node:fs';
import { type Config, ConfigError, loadConfig } from '@millrace/config';
import { errorCatalogue, MillraceError } from '@millrace/contracts';
import { createLogger, type Logger } from '@millrace/telemetry';
import { type ShutdownPhase, stopOnSignal } from './shutdown';

export interface RunningService {
  /** Where the service can be reached. They are fields of the log line that says it has started. */
  urls: Record<string, string>;
  /** How to stop, in order. */
  stop: ShutdownPhase[];
}

type Start = (config: Config, logger: Logger) => Promise<RunningService>;

/**
 * The main program of a service. It reads .env and the environment, starts the service, logs its addresses, and stops it
 * in order. When the service cannot start, the program prints the reason and exits with code 1.
 */
export function runService(name: string, start: Start): void {
  run(name, start).catch((error: unknown) => {
    const reason = plainReason(error);
    console.error(reason === null ? error : `${name} cannot start. ${reason}`);
    process.exit(1);
  });
}

/** The reason in words for the operator, or null when the error is a fault of the program. */
function plainReason(error: unknown): string | null {
  if (error instanceof MillraceError) {
    return `${error.message}\n${errorCatalogue[error.code].advice}`;
  }
  // The message of a system error names what failed and where: a port that is in use, a path that is not a folder.
  const isSystemError = error instanceof Error && 'syscall' in error;
  return error instanceof ConfigError || isSystemError ? (error as Error).message : null;
}

async function run(name: string, start: Start): Promise<void> {
  // From the first moment, so that no process is left behind when the supervisor is killed during the start.
  const exit = () => process.exit(1);
  process.once('disconnect', exit);
  if (existsSync('.env')) {
    process.loadEnvFile('.env');
  }
  const config = loadConfig(process.env);
  const logger = createLogger(name, config.LOG_LEVEL);
  const service = await start(config, logger);
  process.off('disconnect', exit);
  stopOnSignal({ logger, timeoutMs: config.SHUTDOWN_TIMEOUT_MS, phases: service.stop });
  logger.info(service.urls, 'started');
  // The supervisor waits for this message. It comes whatever the log level is.
  process.send?.(service.urls);
}
