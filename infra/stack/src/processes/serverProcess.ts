import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, realpathSync } from 'node:fs';
import { StackError } from '../context';
import { fileSize, readFrom } from '../files';
import { identifyProcess, isSameProcess } from '../lock';
import { isRoot } from './account';
import { type Account, asAccount } from './run';
import { messageOf, poll } from './wait';

/** A server that outlives the command that started it. */
export interface ServerProcess {
  readonly pid: number;
  /** Tells it from a later process with the same id. */
  readonly identity: string;
}

/** Settings of a server by name, on top of or instead of what every private instance gets. */
export type ServerSettings = Readonly<Record<string, string | number>>;

/** True when the server is still running. */
export function isRunning(server: ServerProcess): boolean {
  return isSameProcess(server.pid, server.identity);
}

/** Returns the running process with this id if it works in the folder, as both servers do in their data folder. */
export function findProcessIn(pid: number, directory: string): ServerProcess | undefined {
  const identity = identifyProcess(pid);
  if (identity === undefined) {
    return undefined;
  }
  try {
    return realpathSync(`/proc/${pid}/cwd`) === realpathSync(directory) ? { pid, identity } : undefined;
  } catch {
    // Not ours to look at, gone, or a system without /proc: it cannot be shown to be ours.
    return undefined;
  }
}

/** True where findProcessIn can tell whose a process is. */
export const canInspectProcesses = existsSync('/proc/self/cwd');

/** Only what a server needs: it must not inherit keys, or PG* and LC_* variables that change what it does. */
export const serverEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };

interface LaunchOptions {
  command: string;
  args: readonly string[];
  account: Account | undefined;
  log: string;
  /** Asked until it answers true; false means not yet. Errors count as not yet and are told at a time-out. */
  isReady: () => Promise<boolean>;
  timeoutMs: number;
}

export type Launch =
  | { outcome: 'ready'; server: ServerProcess }
  /** It ended by itself; `output` is what it logged. */
  | { outcome: 'ended'; output: string };

/**
 * Starts a server in a session of its own, so that Ctrl-C in our terminal does not reach it, and waits until
 * it is ready or has ended.
 * @throws StackError when it runs but does not answer in time; it is killed then.
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
    ended = `It ended with ${signal ?? `code ${code}`}.`;
  });
  child.unref();
  let lastError = 'It never said it was ready.';
  const settled = await poll(
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
  if (settled === 'ended') {
    return { outcome: 'ended', output: `${readFrom(options.log, offset)}${ended}` };
  }
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (settled === undefined || child.pid === undefined || identity === undefined) {
    child.kill('SIGKILL');
    throw new StackError(
      `${options.command} was started but did not answer within ${Math.round(options.timeoutMs / 1000)} seconds: ` +
        `${lastError} Its log is ${options.log}`,
    );
  }
  return { outcome: 'ready', server: { pid: child.pid, identity } };
}

/** Sends the signals one after the other, each with its time to end, until the server has ended. */
export async function stopServer(
  server: ServerProcess,
  steps: readonly { signal: NodeJS.Signals; timeoutMs: number }[],
): Promise<void> {
  for (const step of steps) {
    if (!isRunning(server)) {
      return;
    }
    try {
      process.kill(server.pid, step.signal);
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
    const gone = await poll(() => (isRunning(server) ? undefined : true), { timeoutMs: step.timeoutMs, everyMs: 30 });
    if (gone) {
      return;
    }
  }
  throw new StackError(`Process ${server.pid} does not end, not even when killed.`);
}
