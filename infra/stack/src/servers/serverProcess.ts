import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, realpathSync } from 'node:fs';
import { isRoot } from '../system/account';
import { messageOf, StackError } from '../system/context';
import { fileSize, readFrom } from '../system/files';
import { identifyProcess, isSameProcess } from '../system/lock';
import { poll } from '../system/poll';
import { type Account, asAccount, describeEnd } from '../system/run';

/** A server that outlives the command that started it. */
export interface ServerProcess {
  readonly pid: number;
  /** Tells it from a later process with the same id. */
  readonly identity: string;
}

/** Settings of a server by name. They override those that every private instance gets. */
export type ServerSettings = Readonly<Record<string, string | number>>;

/** True when the server is still running. */
export function isRunning(server: ServerProcess): boolean {
  return isSameProcess(server.pid, server.identity);
}

/** Returns the running process with this id if it works in the folder. Both servers work in their data folder. */
export function findProcessIn(pid: number, directory: string): ServerProcess | undefined {
  const identity = identifyProcess(pid);
  if (identity === undefined) {
    return undefined;
  }
  try {
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(directory) ? { pid, identity } : undefined;
  } catch {
    // It has ended, belongs to another user, or the system has no /proc. So it is unknown whether Millrace started it.
    return undefined;
  }
}

/** True where findProcessIn can see the folder of a process. */
export const canInspectProcesses = existsSync('/proc/self/cwd');

/** All that a server needs. It must not inherit keys, or PG* and LC_* variables that change what it does. */
export const serverEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

interface LaunchOptions {
  command: string;
  args: readonly string[];
  account: Account | undefined;
  log: string;
  /** Is called until it returns true. An error counts as false; the time-out message names the last one. */
  isReady: () => Promise<boolean>;
  timeoutMs: number;
}

/** `output` is what a server logged before it ended. */
export type Launch = { outcome: 'ready'; server: ServerProcess } | { outcome: 'ended'; output: string };

/**
 * Starts a server in a new session, so that Ctrl-C in our terminal does not reach it, and waits until it is
 * ready or has ended.
 * @throws StackError when it runs but does not answer in time; the server is killed then
 */
export async function launchServer(options: LaunchOptions): Promise<Launch> {
  const offset = fileSize(options.log);
  const handle = openSync(options.log, 'a');
  const child = spawn(options.command, options.args, {
    detached: true,
    stdio: ['ignore', handle, handle],
    ...asAccount(options.account),
    env: serverEnvironment,
  });
  closeSync(handle);
  let ended: string | undefined;
  child.once('error', (error) => {
    ended = error.message;
  });
  child.once('exit', (code, signal) => {
    ended = `It ${describeEnd(code, signal)}.`;
  });
  child.unref();
  let lastError = 'It never said that it was ready.';
  const outcome = await poll(
    async () => {
      if (ended !== undefined) {
        return 'ended' as const;
      }
      try {
        return (await options.isReady()) ? ('ready' as const) : undefined;
      } catch (error) {
        lastError = messageOf(error);
        return undefined;
      }
    },
    { timeoutMs: options.timeoutMs },
  );
  if (outcome === 'ended') {
    return { outcome, output: `${readFrom(options.log, offset)}${ended}` };
  }
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (outcome === undefined || child.pid === undefined || identity === undefined) {
    child.kill('SIGKILL');
    throw new StackError(
      `${options.command} was started but did not answer within ${Math.round(options.timeoutMs / 1000)} seconds: ` +
        `${lastError} Its log is ${options.log}.`,
    );
  }
  return { outcome, server: { pid: child.pid, identity } };
}

/**
 * Sends the signals one after the other, and gives the server time to end after each.
 * @throws StackError when the server belongs to another user or does not end
 */
export async function stopServer(
  server: ServerProcess,
  steps: readonly { signal: NodeJS.Signals; timeoutMs: number }[],
): Promise<void> {
  for (const { signal, timeoutMs } of steps) {
    if (!isRunning(server)) {
      return;
    }
    try {
      process.kill(server.pid, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPERM') {
        throw new StackError(
          `Process ${server.pid} belongs to another user${isRoot() ? '' : '; run the command as the user who started it'}.`,
        );
      }
      if (code !== 'ESRCH') {
        throw error;
      }
    }
    if (await poll(() => (isRunning(server) ? undefined : true), { timeoutMs, everyMs: 30 })) {
      return;
    }
  }
  throw new StackError(`Process ${server.pid} does not end, even after SIGKILL.`);
}
