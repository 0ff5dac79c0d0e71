import { join } from 'node:path';
import type { PrivateServers, ProgramName } from '@millrace/stack';
import { testApiKey } from '@millrace/test-support';
import { Fleet } from './fleet';
import type { Provider } from './provider';
import { lookingAt } from './queries';

/** Short, so that many leases expire in a run of two minutes. */
export const leaseMs = 3_000;
/** How long an embedder waits for the provider. */
export const timeoutMs = 3_000;
/** Longer than an upload takes, and shorter than the run waits until nothing is left over. */
const orphanAgeMs = 12_000;

const settings = {
  LOG_LEVEL: 'info',
  MILLRACE_API_KEY: testApiKey,
  DATABASE_POOL_MAX: '5',
  DATABASE_CONNECT_TIMEOUT_MS: '3000',
  READER_PROCESSES: '1',
  EMBEDDING_PROVIDER: 'openai',
  // The stored vectors are compared with those of the texts alone.
  EMBEDDING_CONTEXT: 'none',
  EMBEDDING_BATCH_SIZE: '4',
  EMBEDDING_TIMEOUT_MS: String(timeoutMs),
  LEASE_MS: String(leaseMs),
  RETRY_BACKOFF_MS: '200',
  RECONCILE_INTERVAL_MS: '500',
  RECONCILE_GRACE_MS: '1500',
  ORPHAN_AGE_MS: String(orphanAgeMs),
  SHUTDOWN_TIMEOUT_MS: '5000',
  VERSIONS_KEPT: '1',
};

/** Millrace's processes on a database, queues and files that nothing else uses. */
export interface Stage {
  fleet: Fleet;
  database: ReturnType<typeof lookingAt>;
  queuePrefix: string;
  /** Holds state and logs. */
  folder: string;
  blobDir: string;
}

/** Makes the database `name` and starts Millrace on it. */
export async function openStage(options: {
  name: string;
  servers: PrivateServers;
  folder: string;
  provider: Provider;
  shape: Readonly<Record<ProgramName, number>>;
  environment?: Record<string, string>;
}): Promise<Stage> {
  const { name, servers, provider } = options;
  const folder = join(options.folder, name);
  const queuePrefix = `{${name}}`;
  const databaseUrl = await servers.createDatabase(name);
  const fleet = await Fleet.start({
    databaseUrl,
    redisUrl: servers.redisUrl,
    stateDir: folder,
    environment: {
      ...settings,
      OPENAI_BASE_URL: provider.baseUrl,
      QUEUE_PREFIX: queuePrefix,
      ...options.environment,
    },
    shape: options.shape,
  });
  return { fleet, database: lookingAt(databaseUrl), queuePrefix, folder, blobDir: join(folder, 'blobs') };
}
