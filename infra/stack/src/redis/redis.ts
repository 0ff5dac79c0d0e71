import { chownSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { dataFolder } from '../place';
import { serviceAccount } from '../processes/account';
import { choosePort } from '../processes/ports';
import type { Account } from '../processes/run';
import { findProcessIn, isRunning, launchServer, type ServerSettings, stopServer } from '../processes/serverProcess';
import type { PrivateInstance } from '../services/serviceState';
import { pingRedis, redisFolderOf } from './probe';

const maxPortChanges = 5;

/** The URL of a private instance. */
export function redisUrl(port: number, password: string): string {
  return `redis://:${password}@127.0.0.1:${port}/0`;
}

/** True when the recorded instance runs, is the one we started, and answers. */
export async function isOurRedis(instance: PrivateInstance, password: string): Promise<boolean> {
  return isRunning(instance) && (await redisFolderOf(redisUrl(instance.port, password))) === instance.dataDir;
}

/** The installed Redis server; undefined when there is none. */
export function findRedis(path: string | undefined): string | undefined {
  const folders = [...(path ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/opt/homebrew/bin'];
  return folders.map((folder) => join(folder, 'redis-server')).find((file) => existsSync(file));
}

/** Writes the configuration; a file, because the arguments of a command can be seen by everybody. */
function writeConfiguration(
  dataDir: string,
  port: number,
  password: string,
  account: Account | undefined,
  extra: ServerSettings,
): string {
  const file = join(dataDir, 'redis.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    'protected-mode yes',
    `requirepass ${password}`,
    `dir "${dataDir}"`,
    'daemonize no',
    `pidfile "${join(dataDir, 'redis.pid')}"`,
    // Redis only delivers, but what it was about to deliver should outlive a restart; BullMQ needs noeviction.
    'appendonly yes',
    'appendfsync everysec',
    'save ""',
    'maxmemory-policy noeviction',
    ...Object.entries(extra).map(([name, value]) => `${name} ${value}`),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  if (account) {
    chownSync(file, account.uid, account.gid);
  }
  return file;
}

/** Stops a server of ours that runs on this folder though the state does not know it any more. */
async function stopLeftover(dataDir: string): Promise<void> {
  const pidFile = join(dataDir, 'redis.pid');
  const running = existsSync(pidFile) ? findProcessIn(Number(readFileSync(pidFile, 'utf8')), dataDir) : undefined;
  if (running) {
    await stopRedis({ kind: 'private', ...running, port: 0, dataDir });
  }
}

/**
 * Starts this checkout's own Redis.
 * @returns undefined when none is installed
 */
export async function startRedis(
  context: StackContext,
  previous: PrivateInstance | undefined,
  password: string,
  extra: ServerSettings = {},
): Promise<PrivateInstance | undefined> {
  const command = findRedis(context.environment.PATH);
  if (!command) {
    return undefined;
  }
  const account = await serviceAccount(['redis', 'nobody']);
  const dataDir = await dataFolder(context, 'redis', account);
  await stopLeftover(dataDir);
  context.say('Starting Redis ...');
  const log = join(context.logDir, 'redis.log');
  let port = await choosePort(previous?.port);
  for (let changes = 0; ; changes += 1) {
    const url = redisUrl(port, password);
    const started = await launchServer({
      command,
      args: [writeConfiguration(dataDir, port, password, account, extra)],
      account,
      log,
      isReady: () => pingRedis(url, 2_000),
      // Loading a large append-only file can take its time.
      timeoutMs: 300_000,
    });
    if (started.outcome === 'ready') {
      return { kind: 'private', ...started.server, port, dataDir };
    }
    if (!/Address already in use|could not create server TCP/i.test(started.output) || changes >= maxPortChanges) {
      throw new StackError(`Redis does not start:\n${started.output.trimEnd()}\nIts log is ${log}`);
    }
    port = await choosePort();
  }
}

/** Stops a private instance; it writes what it holds first. */
export async function stopRedis(instance: PrivateInstance): Promise<void> {
  await stopServer(instance, [
    { signal: 'SIGTERM', timeoutMs: 20_000 },
    { signal: 'SIGKILL', timeoutMs: 5_000 },
  ]);
}

/** Kills a private instance, for tests: only what it has appended to its file so far is there at the next start. */
export async function crashRedis(instance: PrivateInstance): Promise<void> {
  await stopServer(instance, [{ signal: 'SIGKILL', timeoutMs: 5_000 }]);
}
