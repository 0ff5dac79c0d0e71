import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** What every part of the stack is told: where things are, the environment, and how to talk to the user. */
export interface StackContext {
  /** The checkout: the folder with docker-compose.yml. */
  readonly root: string;
  /** Where this checkout keeps its state; git-ignored, `.millrace` by default. Absolute. */
  readonly stateDir: string;
  /** The folder for logs, in the state folder. */
  readonly logDir: string;
  /** A short name for this state folder, so that several checkouts on one machine do not meet. */
  readonly id: string;
  /** The environment, .env file included. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Tells the user what is happening. */
  readonly say: (line: string) => void;
}

/** Makes the state folder and the context around it. */
export function createContext(options: {
  root: string;
  environment: Record<string, string | undefined>;
  stateDir?: string;
  say?: (line: string) => void;
}): StackContext {
  const wanted = resolve(options.root, options.stateDir ?? (options.environment.STATE_DIR || '.millrace'));
  const logDir = join(wanted, 'logs');
  mkdirSync(logDir, { recursive: true });
  const stateDir = realpathSync(wanted);
  return {
    root: options.root,
    stateDir,
    logDir: join(stateDir, 'logs'),
    id: createHash('sha256').update(stateDir).digest('hex').slice(0, 12),
    environment: options.environment,
    say: options.say ?? ((line) => process.stdout.write(`${line}\n`)),
  };
}

/** Something is not as needed and the message says what to do about it; shown without a stack trace. */
export class StackError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StackError';
  }
}
