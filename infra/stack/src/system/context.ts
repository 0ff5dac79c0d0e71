import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { withOwnNames } from '@millrace/config';

/** What every part of the stack needs: where things are, the environment, and how to talk to the user. */
export interface StackContext {
  /** The checkout: the folder with docker-compose.yml. */
  readonly root: string;
  /** The absolute path of the folder where this checkout keeps its state: `.millrace`, which git ignores, by default. */
  readonly stateDir: string;
  /** The folder for logs, inside the state folder. */
  readonly logDir: string;
  /** A short name of this state folder. It keeps several checkouts on one machine apart. */
  readonly id: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Prints a line for the user. */
  readonly print: (line: string) => void;
}

/** Makes the state folder and the context around it. */
export function createContext(options: {
  root: string;
  environment: Record<string, string | undefined>;
  stateDir?: string;
  print?: (line: string) => void;
}): StackContext {
  const { root } = options;
  const environment = withOwnNames(options.environment);
  const path = resolve(root, options.stateDir ?? (environment.STATE_DIR || '.millrace'));
  mkdirSync(join(path, 'logs'), { recursive: true });
  const stateDir = realpathSync(path);
  return {
    root,
    stateDir,
    logDir: join(stateDir, 'logs'),
    id: createHash('sha256').update(stateDir).digest('hex').slice(0, 12),
    environment,
    print: options.print ?? ((line) => process.stdout.write(`${line}\n`)),
  };
}

/** An expected failure. Its message says what to do and is shown without a stack trace. */
export class StackError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StackError';
  }
}

/** Returns the message of anything that was thrown. Connection errors of Node hide theirs in `errors`. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return messageOf(error.errors[0]);
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
