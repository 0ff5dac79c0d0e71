import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from './context';
import { fileSize, lastLines } from './files';

/** A system account that a server runs as when we are root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface RunOptions {
  /** The file that gets the output of the command. The error names it. */
  log: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  account?: Account;
  /** The beginning of the error message when the command fails. */
  failure: string;
}

/** Returns spawn options for an account: its ids, and a folder that it can enter. */
export function asAccount(account: Account | undefined): { uid?: number; gid?: number; cwd?: string } {
  return account ? { uid: account.uid, gid: account.gid, cwd: '/' } : {};
}

/** Says how a process ended: "ended with code 1", "ended with SIGKILL". */
export function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return `ended with ${signal ?? `code ${code}`}`;
}

/**
 * Runs a command to its end with its output in a log file.
 * @throws StackError with the command, its last lines and the name of the log
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  mkdirSync(dirname(options.log), { recursive: true });
  const offset = fileSize(options.log);
  const line = [command, ...args].join(' ');
  const handle = openSync(options.log, 'a');
  let outcome = '';
  try {
    writeSync(handle, `$ ${line}\n`);
    const { env, cwd, account } = options;
    const child = spawn(command, args, { stdio: ['ignore', handle, handle], env, cwd, ...asAccount(account) });
    const [code, signal] = await once(child, 'exit');
    outcome = code === 0 ? '' : describeEnd(code, signal);
  } catch (error) {
    outcome = `could not be started: ${(error as Error).message}`;
  } finally {
    closeSync(handle);
  }
  if (outcome) {
    throw new StackError(
      `${options.failure}\n  $ ${line}\n${lastLines(options.log, 15, offset)}\n` +
        `It ${outcome}. Its whole output is in ${options.log}.`,
    );
  }
}

export interface Captured {
  /** The exit code. It is undefined when the command could not be started or was killed. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a short command and returns its output. Never throws. Kills the command after `timeoutMs`. */
export function capture(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; account?: Account; timeoutMs?: number } = {},
): Promise<Captured> {
  const { env, account, timeoutMs = 20_000 } = options;
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env, timeout: timeoutMs, killSignal: 'SIGKILL', ...asAccount(account) },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        resolve({ code, stdout, stderr: stderr || (error?.message ?? '') });
      },
    );
  });
}
