import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig, resolveApiKey } from '@millrace/config';
import { createContext, type StackContext, StackError } from '../system/context';
import { run } from '../system/run';
import { type SupervisedProcess, startProcess } from './serviceProcess';
import { compiledProgram, ensureStaticTable, staticTableFile } from './staticTable';

export const programNames = ['api', 'chunker', 'embedder', 'reconciler'] as const;
export type ProgramName = (typeof programNames)[number];

export interface StackOptions {
  /** The checkout. */
  root: string;
  /** The database as the services use it. DATABASE_MIGRATION_URL of the environment migrates it, if that is set. */
  databaseUrl: string;
  redisUrl: string;
  /** The environment of the services: process.env or a part of it. The other options override it. */
  environment: Record<string, string | undefined>;
  /** The folder for the API key and the logs, and for the word vectors unless STATIC_EMBEDDING_FILE is set. */
  stateDir: string;
  /** The folder for originals: `blobs` in the state folder by default. */
  blobDir?: string;
  /** The hash tag of the queues' keys, such as {test1}: QUEUE_PREFIX of the environment by default. */
  queuePrefix?: string;
  /** By default 0, which means any free port. */
  apiPort?: number;
  /** How many processes of each program: one by default. */
  replicas?: Partial<Record<ProgramName, number>>;
  readyTimeoutMs?: number;
  /** Prints progress. Silent by default. */
  print?: (line: string) => void;
}

/** Millrace's own processes, ready for work. */
export interface RunningStack {
  /** http://host:port, without a slash at the end. */
  readonly apiUrl: string;
  readonly apiKey: string;
  /** The environment that the services were started with. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Every process that was started here, ended ones included. */
  readonly processes: readonly SupervisedProcess[];
  /** Starts one more process of a program, with these changes to its environment, and waits until it is ready. */
  readonly add: (name: ProgramName, changes?: Record<string, string>) => Promise<SupervisedProcess>;
  /** Stops the API first, then the workers. */
  readonly stop: () => Promise<void>;
}

function buildEnvironment(options: StackOptions, context: StackContext): Record<string, string | undefined> {
  return {
    ...options.environment,
    DATABASE_URL: options.databaseUrl,
    REDIS_URL: options.redisUrl,
    STATE_DIR: context.stateDir,
    BLOB_DIR: resolve(options.blobDir ?? join(context.stateDir, 'blobs')),
    STATIC_EMBEDDING_FILE: staticTableFile(context),
    // Each start compiles a thousand modules. Node 20 does not know the variable and compiles them each time.
    NODE_COMPILE_CACHE: options.environment.NODE_COMPILE_CACHE || join(context.root, '.millrace', 'compile-cache'),
    API_PORT: String(options.apiPort ?? 0),
    // Several workers share this machine, so the first would take a fixed port.
    HEALTH_PORT: '0',
    ...(options.queuePrefix === undefined ? {} : { QUEUE_PREFIX: options.queuePrefix }),
  };
}

/** Runs the migrations in a process of their own, as a deployment does. */
async function migrate(context: StackContext, environment: Record<string, string | undefined>): Promise<void> {
  const program = compiledProgram(context, 'packages/database/dist/migrate.js');
  await run(process.execPath, [program, 'up'], {
    log: join(context.logDir, 'migrate.log'),
    env: environment,
    cwd: context.stateDir,
    failure: 'The database could not be migrated.',
  });
}

/**
 * Migrates the database, starts the services, a process each, and waits until all are ready. Their logs are
 * STATE_DIR/logs/<program>.log. When one fails, the others are stopped.
 * @throws ConfigError for an unusable environment
 * @throws StackError with the log lines of what failed
 */
export async function startStack(options: StackOptions): Promise<RunningStack> {
  const context = createContext({
    root: options.root,
    environment: options.environment,
    stateDir: options.stateDir,
    print: options.print ?? (() => undefined),
  });
  const environment = buildEnvironment(options, context);
  const config = loadConfig(environment);
  mkdirSync(config.BLOB_DIR, { recursive: true });
  const { key, generated } = resolveApiKey(config);
  if (generated) {
    context.print(`The new API key, kept in ${join(context.stateDir, 'api-key')}, is ${key}`);
  }
  await ensureStaticTable(context);
  context.print('Migrating the database ...');
  await migrate(context, environment);

  // Only migrations get the owner's password.
  const { DATABASE_MIGRATION_URL: _owner, ...serviceEnvironment } = environment;
  const services = superviseServices(context, serviceEnvironment, {
    readyTimeoutMs: options.readyTimeoutMs ?? 60_000,
    shutdownTimeoutMs: config.SHUTDOWN_TIMEOUT_MS,
  });
  context.print('Starting the API, the chunker, the embedder and the reconciler ...');
  const names = programNames.flatMap((name) => Array<ProgramName>(options.replicas?.[name] ?? 1).fill(name));
  const outcomes = await Promise.allSettled(names.map((name) => services.add(name)));
  const failure = outcomes.find((outcome) => outcome.status === 'rejected');
  const api = services.processes.find(isApi);
  if (failure || (!api && options.replicas?.api !== 0)) {
    await services.stop();
    throw failure?.reason ?? new StackError('The API was not started.');
  }
  return { apiUrl: api?.url ?? '', apiKey: key, environment: serviceEnvironment, ...services };
}

function isApi({ name }: SupervisedProcess): boolean {
  return name.startsWith('api');
}

/** Makes the functions that start and stop the service processes of one stack. */
function superviseServices(
  context: StackContext,
  environment: Record<string, string | undefined>,
  timeouts: { readyTimeoutMs: number; shutdownTimeoutMs: number },
): Pick<RunningStack, 'processes' | 'add' | 'stop'> {
  const processes: SupervisedProcess[] = [];
  const counts: Partial<Record<ProgramName, number>> = {};
  const add = async (name: ProgramName, changes: Record<string, string> = {}) => {
    const count = (counts[name] ?? 0) + 1;
    counts[name] = count;
    const label = count === 1 ? name : `${name}-${count}`;
    const started = await startProcess({
      ...timeouts,
      name: label,
      program: join(context.root, 'services', name, 'dist/main.js'),
      // Only the first API gets the configured port.
      environment: { ...environment, ...(name === 'api' && count > 1 ? { API_PORT: '0' } : {}), ...changes },
      // Not the checkout, so that no service reads a .env file. The environment has its variables already.
      cwd: context.stateDir,
      log: join(context.logDir, `${label}.log`),
    });
    processes.push(started);
    return started;
  };
  const stop = async () => {
    await Promise.all(processes.filter(isApi).map((api) => api.stop()));
    await Promise.all(processes.filter((process) => !isApi(process)).map((worker) => worker.stop()));
  };
  return { processes, add, stop };
}
