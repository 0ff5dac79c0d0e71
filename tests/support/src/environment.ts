import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '@millrace/config';
import { Redis } from 'ioredis';
import { testServers } from './servers';
import { createTestDatabase } from './testDatabase';

export const testApiKey = 'test-key-0123456789abcdef';
export const testAdminPassword = 'test-password-of-the-admin';

export interface TestEnvironment {
  /** Environment variables for a service of this environment. */
  variables: Record<string, string>;
  /** Parses the variables, with changes. */
  config(changes?: Record<string, string>): Config;
  /** Drops the database, the queues and the files. */
  cleanUp(): Promise<void>;
}

/** Makes a database, a queue prefix and a state directory that no other test uses. */
export async function createTestEnvironment(changes: Record<string, string> = {}): Promise<TestEnvironment> {
  const { databaseUrl, redisUrl } = testServers();
  const directory = await mkdtemp(join(tmpdir(), 'millrace-test-'));
  const prefix = `{test-${randomBytes(6).toString('hex')}}`;
  const variables: Record<string, string> = {
    DATABASE_URL: databaseUrl,
    DATABASE_POOL_MAX: '5',
    REDIS_URL: redisUrl,
    QUEUE_PREFIX: prefix,
    STATE_DIR: directory,
    BLOB_DIR: join(directory, 'blobs'),
    MILLRACE_API_KEY: testApiKey,
    MILLRACE_ADMIN_PASSWORD: testAdminPassword,
    API_PORT: '0',
    LOG_LEVEL: 'warn',
    READER_PROCESSES: '1',
    RETRY_BACKOFF_MS: '50',
    SHUTDOWN_TIMEOUT_MS: '10000',
    STATIC_EMBEDDING_FILE: staticTableFile,
    // Tests send as fast as they can.
    RATE_LIMIT_READ: '0',
    RATE_LIMIT_WRITE: '0',
    RATE_LIMIT_UPLOAD: '0',
    RATE_LIMIT_SEARCH: '0',
    RATE_LIMIT_ADMIN: '0',
    RATE_LIMIT_ANONYMOUS: '0',
    // The local server makes vectors of the length that it is asked for, for models of any name.
    OPENAI_SEND_DIMENSIONS: 'always',
    // Most tests look at the texts of chunks as they are.
    EMBEDDING_CONTEXT: 'none',
    ...changes,
  };
  const database = await createTestDatabase({ model: loadConfig(variables).embedding });
  variables.DATABASE_URL = changes.DATABASE_URL ?? database.url;
  return {
    variables,
    config: (more = {}) => loadConfig({ ...variables, ...more }),
    cleanUp: async () => {
      await removeQueues(redisUrl, prefix);
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** `npm test` and `npm run services -- up` build it once. See packages/embeddings. */
const staticTableFile = join(__dirname, '..', '..', '..', '.millrace', 'static-embedding.bin');

async function removeQueues(redisUrl: string, prefix: string): Promise<void> {
  const redis = new Redis(redisUrl);
  try {
    for await (const keys of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
      if ((keys as string[]).length > 0) {
        await redis.del(...(keys as string[]));
      }
    }
  } finally {
    redis.disconnect();
  }
}
