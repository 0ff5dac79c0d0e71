import { chownSync, existsSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StackContext, StackError } from '../context';
import { dataFolder } from '../place';
import { serviceAccount } from '../processes/account';
import { choosePort } from '../processes/ports';
import { type Account, run } from '../processes/run';
import {
  canInspectProcesses,
  findProcessIn,
  isRunning,
  launchServer,
  type ServerProcess,
  type ServerSettings,
  serverEnvironment,
  stopServer,
} from '../processes/serverProcess';
import type { PrivateInstance } from '../services/serviceState';
import { findPostgres, type PostgresBinaries } from './binaries';
import { createDatabase, dataDirectoryOf, probePostgres } from './probe';

const role = 'millrace';
const databaseName = 'millrace';
/** How often a start is tried again on another port. */
const maxPortChanges = 5;
/** How long to wait for the last processes of a server that was killed. */
const leftoverTimeoutMs = 30_000;

/** The URL of a private instance. */
export function postgresUrl(port: number, password: string, database = databaseName): string {
  return `postgresql://${role}:${password}@127.0.0.1:${port}/${database}`;
}

/** True when the recorded instance runs, is the one we started, and answers. */
export async function isOurPostgres(instance: PrivateInstance, password: string): Promise<boolean> {
  return (
    isRunning(instance) && (await dataDirectoryOf(postgresUrl(instance.port, password))) === clusterOf(instance.dataDir)
  );
}

/** The cluster lies one level below the folder we own, where initdb's password file can lie as well. */
function clusterOf(dataDir: string): string {
  return join(dataDir, 'cluster');
}

/** The version that made the data in a folder; undefined when there is none yet. */
function dataMajor(dataDir: string): number | undefined {
  const file = join(clusterOf(dataDir), 'PG_VERSION');
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

/** Makes the data folder's cluster: one superuser, who needs the password on every way in. */
async function initialize(
  context: StackContext,
  binaries: PostgresBinaries,
  dataDir: string,
  account: Account | undefined,
  password: string,
): Promise<void> {
  const cluster = clusterOf(dataDir);
  // Left half made by an initdb that was killed: it has no PG_VERSION, which initdb writes early, or was
  // never started. Only the unfinished marker tells, since initdb itself refuses a folder with content.
  const marker = join(dataDir, 'initializing');
  if (existsSync(marker)) {
    rmSync(cluster, { recursive: true, force: true });
  }
  if (dataMajor(dataDir) !== undefined) {
    return;
  }
  context.say(`Making a PostgreSQL ${binaries.major} database cluster in ${cluster} ...`);
  writeFileSync(marker, '');
  const passwordFile = join(dataDir, 'password');
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (account) {
    chownSync(passwordFile, account.uid, account.gid);
  }
  const makeWith = (locale: string) =>
    run(
      join(binaries.binDir, 'initdb'),
      [
        `--pgdata=${cluster}`,
        `--username=${role}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        `--locale=${locale}`,
        '--data-checksums',
      ],
      {
        log: join(context.logDir, 'initdb.log'),
        env: serverEnvironment,
        account,
        failure: 'The database cluster could not be made.',
      },
    );
  try {
    // C.UTF-8 knows the letters of all languages and sorts the same everywhere; some systems do not have it.
    await makeWith('C.UTF-8').catch(() => makeWith('C'));
  } finally {
    rmSync(passwordFile, { force: true });
  }
  rmSync(marker);
}

/** Returns the running postmaster of a data folder, and removes the pid file of one that is gone. */
function findPostmaster(dataDir: string): ServerProcess | undefined {
  const pidFile = join(clusterOf(dataDir), 'postmaster.pid');
  if (!existsSync(pidFile)) {
    return undefined;
  }
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  const running = findProcessIn(pid, clusterOf(dataDir));
  if (!running && canInspectProcesses) {
    // After a reboot another process can have that id, and PostgreSQL would refuse to start because of it.
    rmSync(pidFile, { force: true });
  }
  return running;
}

/**
 * A quarter of the memory, as PostgreSQL's manual advises, and 8 GB at most: inserts into a vector index read pages all over
 * it, and are several times as slow once it outgrows these buffers. Memory is taken only as they fill.
 */
function sharedBuffersMb(): number {
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  return Math.round(Math.min(8 * 1024, Math.max(128, memory / 4 / 2 ** 20)));
}

function settings(port: number, extra: ServerSettings): string[] {
  const values: Record<string, string | number> = {
    port,
    listen_addresses: '127.0.0.1',
    // No socket: its path would have to be short and reachable, and nobody needs it.
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: `${sharedBuffersMb()}MB`,
    maintenance_work_mem: '256MB',
    max_wal_size: '2GB',
    log_line_prefix: '%m [%p] %u@%d ',
  };
  // In many containers /dev/shm has 64 MB, too little for parallel queries and index builds.
  if (existsSync('/dev/shm')) {
    const shared = statfsSync('/dev/shm');
    if (shared.blocks * shared.bsize < 512 * 1024 * 1024) {
      values.dynamic_shared_memory_type = 'mmap';
    }
  }
  return Object.entries({ ...values, ...extra }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}

/** Starts the cluster on a free port, the previous one if possible. */
async function launch(
  context: StackContext,
  binaries: PostgresBinaries,
  dataDir: string,
  account: Account | undefined,
  password: string,
  preferredPort: number | undefined,
  extra: ServerSettings,
): Promise<PrivateInstance> {
  const log = join(context.logDir, 'postgres.log');
  const giveUpAt = Date.now() + leftoverTimeoutMs;
  let port = await choosePort(preferredPort);
  for (let changes = 0; ; ) {
    const url = postgresUrl(port, password, 'postgres');
    const started = await launchServer({
      command: join(binaries.binDir, 'postgres'),
      args: ['-D', clusterOf(dataDir), ...settings(port, extra)],
      account,
      log,
      isReady: async () => (await probePostgres(url, 2_000)).major > 0,
      // Recovery after a crash can take its time.
      timeoutMs: 300_000,
    });
    if (started.outcome === 'ready') {
      return { kind: 'private', ...started.server, port, dataDir };
    }
    if (/could not bind|Address already in use/.test(started.output) && changes < maxPortChanges) {
      changes += 1;
      port = await choosePort();
    } else if (
      /pre-existing shared memory block|lock file "postmaster.pid"/.test(started.output) &&
      Date.now() < giveUpAt
    ) {
      await sleep(500);
    } else {
      throw new StackError(`PostgreSQL does not start:\n${started.output.trimEnd()}\nIts log is ${log}`);
    }
  }
}

/**
 * Starts this checkout's own PostgreSQL, or takes over the one that still runs on its data.
 * @returns undefined when no server with pgvector is installed
 */
export async function startPostgres(
  context: StackContext,
  previous: PrivateInstance | undefined,
  password: string,
  extra: ServerSettings = {},
): Promise<PrivateInstance | undefined> {
  const path = context.environment.PATH;
  const knownMajor = previous && dataMajor(previous.dataDir);
  const first = await findPostgres(path, knownMajor);
  if (!first?.hasVector) {
    return undefined;
  }
  const account = await serviceAccount(['postgres']);
  const dataDir = await dataFolder(context, 'postgres', account);
  const major = dataMajor(dataDir);
  const binaries = major === undefined ? first : await findPostgres(path, major);
  if (!binaries?.hasVector) {
    throw new StackError(
      `The data in ${dataDir} was made by PostgreSQL ${major}, which is not installed with pgvector. ` +
        'Install it, or delete the data with: npm run services -- reset',
    );
  }
  await initialize(context, binaries, dataDir, account, password);
  const running = findPostmaster(dataDir);
  if (running) {
    await stopPostgres({ kind: 'private', ...running, port: 0, dataDir });
  }
  context.say(`Starting PostgreSQL ${binaries.major} ...`);
  const instance = await launch(context, binaries, dataDir, account, password, previous?.port, extra);
  await createDatabase(postgresUrl(instance.port, password, 'postgres'), databaseName);
  return instance;
}

/** Stops a private instance: open transactions are rolled back, what is committed is on disk. */
export async function stopPostgres(instance: PrivateInstance): Promise<void> {
  await stopServer(instance, [
    { signal: 'SIGINT', timeoutMs: 30_000 },
    { signal: 'SIGQUIT', timeoutMs: 10_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}

/** Ends a private instance as a crash would, for tests: nothing is written any more, and the next start recovers. */
export async function crashPostgres(instance: PrivateInstance): Promise<void> {
  await stopServer(instance, [
    { signal: 'SIGQUIT', timeoutMs: 10_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}
