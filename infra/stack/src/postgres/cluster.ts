import { chownSync, existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { type ServerSettings, serverEnvironment } from '../servers/serverProcess';
import type { StackContext } from '../system/context';
import { type Account, run } from '../system/run';
import type { PostgresBinaries } from './binaries';

/** The superuser of a private instance. */
export const superuser = 'millrace';

/** Returns the cluster in a data folder. It is in a subfolder, so that initdb's password file can be next to it. */
export function clusterOf(dataDir: string): string {
  return join(dataDir, 'cluster');
}

/** Returns the version that made the data in a folder, or undefined when there is no data yet. */
export function dataMajor(dataDir: string): number | undefined {
  const file = join(clusterOf(dataDir), 'PG_VERSION');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/**
 * Makes the cluster of a data folder unless it exists. Its one superuser needs the password for every connection.
 * @throws StackError with the output of initdb
 */
export async function makeCluster(
  context: StackContext,
  options: {
    binaries: PostgresBinaries;
    dataDir: string;
    account: Account | undefined;
    password: string;
    settings: ServerSettings;
  },
): Promise<void> {
  const { binaries, dataDir, account, password, settings } = options;
  const cluster = clusterOf(dataDir);
  // Is there while initdb works. After a killed initdb only this marker shows that the cluster is unfinished.
  const marker = join(dataDir, 'initializing');
  if (existsSync(marker)) {
    rmSync(cluster, { recursive: true, force: true });
  }
  if (dataMajor(dataDir) !== undefined) {
    return;
  }
  context.print(`Making a PostgreSQL ${binaries.major} database cluster in ${cluster} ...`);
  writeFileSync(marker, '');
  const passwordFile = join(dataDir, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) {
    chownSync(passwordFile, account.uid, account.gid);
  }
  const initialize = (locale: string) =>
    run(
      join(binaries.binDir, 'initdb'),
      [
        `--pgdata=${cluster}`,
        `--username=${superuser}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        `--locale=${locale}`,
        '--data-checksums',
        ...(settings.fsync === 'off' ? ['--no-sync'] : []),
      ],
      {
        log: join(context.logDir, 'initdb.log'),
        env: serverEnvironment,
        account,
        failure: 'The database cluster could not be made.',
      },
    );
  try {
    // C.UTF-8 knows the letters of all languages and sorts the same everywhere. Some systems do not have it.
    await initialize('C.UTF-8').catch(() => initialize('C'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
  rmSync(marker);
}

/**
 * Returns a quarter of the memory, as PostgreSQL's manual advises, and 8 GB at most. Inserts into a vector index read
 * pages all over it, and take several times as long once it outgrows these buffers. The memory is taken as they fill.
 */
function sharedBuffersMb(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.round(Math.min(8 * 1024, Math.max(128, memory / 4 / 2 ** 20)));
}

/** Returns the arguments that give a server its settings. */
export function settingArguments(port: number, extra: ServerSettings): string[] {
  const values: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    // No socket: its path would have to be short and reachable, and nothing needs it.
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: `${sharedBuffersMb()}MB`,
    maintenance_work_mem: '256MB',
    max_wal_size: '2GB',
    log_line_prefix: '%m [%p] %u@%d ',
  };
  // In many containers /dev/shm has 64 MB, which is too little for parallel queries and index builds.
  if (existsSync('/dev/shm')) {
    const shared = statfsSync('/dev/shm');
    if (shared.blocks * shared.bsize < 512 * 1024 * 1024) {
      values.dynamic_shared_memory_type = 'mmap';
    }
  }
  return Object.entries({ ...values, ...extra }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
