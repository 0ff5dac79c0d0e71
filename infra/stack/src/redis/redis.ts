import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { dataFolder } from '../servers/dataFolder';
import type { PrivateInstance } from '../servers/instance';
import {
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
import { pingRedis, redisFolderOf } from './probe';

/** How many other ports a start tries. */
const maxPortChanges = 5;

/** Returns the URL of a private instance. */
export function redisUrl(port: number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}/0`;
}

/** True when the recorded instance runs, is the one that we started, and answers. */
export async function isOurRedis(instance: PrivateInstance, password: string): Promise<boolean> {
  return isRunning(instance) && (await redisFolderOf(redisUrl(instance.port, password))) === instance.dataDir;
}

/** Returns the path of the installed Redis server, or undefined when Redis is not installed. */
export function findRedis(path: string | undefined): string | undefined {
  const folders = [...(path ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, 'redis-server')).find((file) => existsSync(file));
}

interface Configuration {
  dataDir: string;
  port: number;
  password: string;
  account: Account | undefined;
  settings: ServerSettings;
}

/** Writes the configuration file. Every user can see the arguments of a command, so the password cannot be one. */
function writeConfiguration({ dataDir, port, password, account, settings }: Configuration): string {
  const file = join(dataDir, 'redis.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    `dir "${dataDir}"`,
    'daemonize no',
    `pidfile "${join(dataDir, 'redis.pid')}"`,
    // Redis only delivers, but its deliveries should survive a restart. BullMQ needs noeviction.
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    ...Object.entries(settings).map(([name, value]) => `${name} ${value}`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  if (account) {
    chownSync(file, account.uid, account.gid);
  }
  return file;
}

/** Stops Millrace's server on this folder when it still runs but is no longer in the state. */
async function stopLeftover(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'redis.pid');
  const running = existsSync(pidFile) ? findProcessIn(Number(readFileSync(pidFile, 'utf8')), dataDir) : undefined;
  if (running) {
    await stopRedis(running);
  }
}

/**
 * Starts the Redis of this checkout.
 * @returns undefined when none is installed
 * @throws StackError when the server does not start
 */
export async function startRedis(
  context: StackContext,
  previous: PrivateInstance | undefined,
  password: string,
  settings: ServerSettings = {},
): Promise<PrivateInstance | undefined> {
  const command = findRedis(context.environment.PATH);
  if (!command) {
    return undefined;
  }
  const account = await serverAccount(['redis', 'nobody']);
  const dataDir = await dataFolder(context, 'redis', account);
  await stopLeftover(dataDir);
  context.print('Starting Redis ...');
  const log = join(context.logDir, 'redis.log');
  let port = await choosePort(previous?.port);
  for (let changes = 0; ; changes += 1) {
    const url = redisUrl(port, password);
    const launched = await launchServer({
      command,
      args: [writeConfiguration({ dataDir, port, password, account, settings })],
      account,
      log,
      isReady: () => pingRedis(url, 2_000),
      // Loading a large append-only file can take minutes.
      timeoutMs: 300_000,
    });
    if (launched.outcome === 'ready') {
      return { kind: 'private', ...launched.server, port, dataDir };
    }
    const { output } = launched;
    if (!/Address already in use|could not create server TCP/i.test(output) || changes >= maxPortChanges) {
      throw new StackError(`Redis does not start:\n${output.trimEnd()}\nIts log is ${log}.`);
    }
    port = await choosePort();
  }
}

/** Stops a private instance. It writes its data first. */
export async function stopRedis(server: ServerProcess): Promise<void> {
  await stopServer(server, [
    { signal: 'SIGTERM', timeoutMs: 20_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}

/** Kills a private instance, for tests. The next start finds only what was appended to its file so far. */
export async function crashRedis(server: ServerProcess): Promise<void> {
  await stopServer(server, [{ signal: 'SIGKILL', timeoutMs: 5_000 }]);
}
