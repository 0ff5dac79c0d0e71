import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProgramName, type RunningStack, startStack } from '@millrace/stack';
import { withCleanUp } from './cleanUp';
import { removeQueueKeys } from './queueKeys';
import { withScratchDatabase } from './scratchDatabase';

export type Environment = Record<string, string | undefined>;

export const root = join(__dirname, '..', '..');

export interface BenchStack {
  stack: RunningStack;
  databaseUrl: string;
  redisUrl: string;
  /** Nobody else's queues. */
  queuePrefix: string;
  /** Nobody else's folder; it goes with the stack. */
  stateDir: string;
}

export interface BenchStackOptions {
  /** How many processes of each program; one of each if left out. */
  replicas?: Partial<Record<ProgramName, number>>;
  /** On top of the environment, of which the model is not taken: the static provider, unless these name another. */
  variables?: Environment;
}

/** The environment, but for what it says about the model, in use or to come: vectors come from the static provider. */
export function withStaticProvider(environment: Environment): Environment {
  return {
    ...environment,
    EMBEDDING_PROVIDER: 'static',
    EMBEDDING_MODEL: '',
    EMBEDDING_DIMENSIONS: '',
    NEXT_EMBEDDING_PROVIDER: '',
    NEXT_EMBEDDING_MODEL: '',
    NEXT_EMBEDDING_DIMENSIONS: '',
    NEXT_OPENAI_API_KEY: '',
    NEXT_OPENAI_BASE_URL: '',
  };
}

/** Runs `work` on a stack on a database, queues and a folder of its own. */
export async function withBenchStack<T>(
  environment: Environment,
  options: BenchStackOptions,
  work: (bench: BenchStack) => Promise<T>,
): Promise<T> {
  return withScratchDatabase(environment.DATABASE_URL ?? '', (databaseUrl) =>
    withStackOn(environment, databaseUrl, options, work),
  );
}

/** Runs `work` on a stack on this database, and queues and a folder of its own. */
export async function withStackOn<T>(
  environment: Environment,
  databaseUrl: string,
  { replicas = {}, variables = {} }: BenchStackOptions,
  work: (bench: BenchStack) => Promise<T>,
): Promise<T> {
  const redisUrl = environment.REDIS_URL ?? '';
  const stateDir = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  const queuePrefix = `{bench-${randomBytes(4).toString('hex')}}`;
  let stack: RunningStack | undefined;
  return withCleanUp(
    async () => {
      stack = await startStack({
        root,
        databaseUrl,
        redisUrl,
        environment: {
          LOG_LEVEL: 'warn',
          STATIC_EMBEDDING_FILE: join(root, '.millrace', 'static-embedding.bin'),
          ...withStaticProvider(environment),
          // These would lead to another database.
          DATABASE_MIGRATION_URL: '',
          DATABASE_READ_URL: '',
          ...variables,
        },
        stateDir,
        queuePrefix,
        replicas,
      });
      return work({ stack, databaseUrl, redisUrl, queuePrefix, stateDir });
    },
    async () => {
      await stack?.stop();
      await removeQueueKeys(redisUrl, queuePrefix);
      await rm(stateDir, { recursive: true, force: true });
    },
  );
}
