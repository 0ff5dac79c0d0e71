import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataFolder } from '../servers/dataFolder';
import type { PrivateInstance } from '../servers/instance';
import {
  canInspectProcesses,
  findProcessIn,
  isRunning,
  launchServer,
  type ServerProcess,
  type ServerSettings,
  stopServer,
} from '../servers/serverProcess';
import { serverAccount } from '../system/account';
import { type StackContext, StackError } from '../system/context';
import { choosePort } from '../system/ports';
import type { Account } from '../system/run';
import { findPostgres, type PostgresBinaries } from './binaries';
import { clusterOf, dataMajor, makeCluster, settingArguments, superuser } from './cluster';
import { createDatabase, dataDirectoryOf, probePostgres } from './probe';

const databaseName = 'millrace';
/** How many other ports a start tries. */
const maxPortChanges = 5;
/** How long a start waits for the last processes of a server that was killed. */
const leftoverTimeoutMs = 30_000;

/** Returns the URL of a database of a private instance. */
export function postgresUrl(port: number, password: string, database = databaseName): string {
  return `postgresql://${superuser}:${password}@127.0.0.1:${port}/${database}`;
}

/** True when the recorded instance runs, is the one that we started, and answers. */
export async function isOurPostgres(instance: PrivateInstance, password: string): Promise<boolean> {
  return (
    isRunning(instance) && (await dataDirectoryOf(postgresUrl(instance.port, password))) === clusterOf(instance.dataDir)
  );
}

/** Returns the running postmaster of a data folder, and removes the pid file of one that has ended. */
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

interface LaunchOptions {
  binaries: PostgresBinaries;
  dataDir: string;
  account: Account | undefined;
  password: string;
  preferredPort: number | undefined;
  settings: ServerSettings;
}

/** Starts the cluster on a free port, the preferred one if possible. */
async function launch(context: StackContext, options: LaunchOptions): Promise<PrivateInstance> {
  const { binaries, dataDir, account, password } = options;
  const log = join(context.logDir, 'postgres.log');
  const deadline = Date.now() + leftoverTimeoutMs;
  let port = await choosePort(options.preferredPort);
  for (let changes = 0; ; ) {
    const url = postgresUrl(port, password, 'postgres');
    const launched = await launchServer({
      command: join(binaries.binDir, 'postgres'),
      args: ['-D', clusterOf(dataDir), ...settingArguments(port, options.settings)],
      account,
      log,
      isReady: async () => (await probePostgres(url, 2_000)).major > 0,
      // Recovery after a crash can take minutes.
      timeoutMs: 300_000,
    });
    if (launched.outcome === 'ready') {
      return { kind: 'private', ...launched.server, port, dataDir };
    }
    const { output } = launched;
    if (/could not bind|Address already in use/.test(output) && changes < maxPortChanges) {
      changes += 1;
      port = await choosePort();
    } else if (/pre-existing shared memory block|lock file "postmaster.pid"/.test(output) && Date.now() < deadline) {
      await sleep(500);
    } else {
      throw new StackError(`PostgreSQL does not start:\n${output.trimEnd()}\nIts log is ${log}.`);
    }
  }
}

/**
 * Starts the PostgreSQL of this checkout. A server that already runs on its data is stopped first.
 * @returns undefined when no server with pgvector is installed
 * @throws StackError when the server does not start, or its data needs another version
 */
export async function startPostgres(
  context: StackContext,
  previous: PrivateInstance | undefined,
  password: string,
  settings: ServerSettings = {},
): Promise<PrivateInstance | undefined> {
  const path = context.environment.PATH;
  const installed = await findPostgres(path, previous && dataMajor(previous.dataDir));
  if (!installed?.hasVector) {
    return undefined;
  }
  const account = await serverAccount(['postgres']);
  const dataDir = await dataFolder(context, 'postgres', account);
  const major = dataMajor(dataDir);
  const binaries = major === undefined ? installed : await findPostgres(path, major);
  if (!binaries?.hasVector) {
    throw new StackError(
      `The data in ${dataDir} was made by PostgreSQL ${major}, which is not installed with pgvector. ` +
        'Install it, or delete the data with: npm run services -- reset',
    );
  }
  await makeCluster(context, { binaries, dataDir, account, password, settings });
  const running = findPostmaster(dataDir);
  if (running) {
    await stopPostgres(running);
  }
  context.print(`Starting PostgreSQL ${binaries.major} ...`);
  const preferredPort = previous?.port;
  const instance = await launch(context, { binaries, dataDir, account, password, preferredPort, settings });
  await createDatabase(postgresUrl(instance.port, password, 'postgres'), databaseName);
  return instance;
}

/** Stops a private instance. Open transactions are rolled back, and committed ones are on disk. */
export async function stopPostgres(server: ServerProcess): Promise<void> {
  await stopServer(server, [
    { signal: 'SIGINT', timeoutMs: 30_000 },
    { signal: 'SIGQUIT', timeoutMs: 10_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}

/** Ends a private instance as a crash would, for tests. It writes nothing more, and the next start recovers. */
export async function crashPostgres(server: ServerProcess): Promise<void> {
  await stopServer(server, [
    { signal: 'SIGQUIT', timeoutMs: 10_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}
