import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type ProgramName, type RunningStack, startStack } from '@millrace/stack';
import { withCleanUp, withFolder } from './cleanUp';
import { withScratchDatabase } from './databases';
import { removeQueueKeys } from './queueKeys';

export type Environment = Record<string, string | undefined>;

export const root = join(__dirname, '..', '..');

/** A running stack. Its database, queues and folder are its own. */
export interface BenchStack {
  stack: RunningStack;
  databaseUrl: string;
  redisUrl: string;
  queuePrefix: string;
  stateDir: string;
}

export interface BenchStackOptions {
  /** How many processes of each program run. The default is one. */
  replicas?: Partial<Record<ProgramName, number>>;
  /** Variables on top of the environment. They may name another provider than the static one. */
  variables?: Environment;
}

/** Returns the environment with the static provider instead of the configured one. */
export function withStaticProvider(environment: Environment): Environment {
  return {
    ...environment,
    EMBEDDING_PROVIDER: 'static',
    EMBEDDING_MODEL: '',
    EMBEDDING_DIMENSIONS: '',
    EMBEDDING_QUERY_PREFIX: '',
    EMBEDDING_DOCUMENT_PREFIX: '',
    EMBEDDING_CONTEXT: '',
    EMBEDDING_MAX_TOKENS: '',
    NEXT_EMBEDDING_PROVIDER: '',
    NEXT_EMBEDDING_MODEL: '',
    NEXT_EMBEDDING_DIMENSIONS: '',
    NEXT_EMBEDDING_QUERY_PREFIX: '',
    NEXT_EMBEDDING_DOCUMENT_PREFIX: '',
    NEXT_EMBEDDING_CONTEXT: '',
    NEXT_EMBEDDING_MAX_TOKENS: '',
    NEXT_OPENAI_API_KEY: '',
    NEXT_OPENAI_BASE_URL: '',
  };
}

/** Runs `work` on a new stack with a new database. */
export function withBenchStack<T>(
  environment: Environment,
  options: BenchStackOptions,
  work: (bench: BenchStack) => Promise<T>,
): Promise<T> {
  return withScratchDatabase(environment.DATABASE_URL ?? '', (databaseUrl) =>
    withStackOn(environment, databaseUrl, options, work),
  );
}

/** Runs `work` on a stack that uses the given database. */
export function withStackOn<T>(
  environment: Environment,
  databaseUrl: string,
  { replicas = {}, variables = {} }: BenchStackOptions,
  work: (bench: BenchStack) => Promise<T>,
): Promise<T> {
  const redisUrl = environment.REDIS_URL ?? '';
  const queuePrefix = `{bench-${randomBytes(4).toString('hex')}}`;
  return withFolder((stateDir) => {
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
            RATE_LIMIT_READ: '0',
            RATE_LIMIT_WRITE: '0',
            RATE_LIMIT_UPLOAD: '0',
            RATE_LIMIT_SEARCH: '0',
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
      },
    );
  });
}
