import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { StackError } from '../context';
import { fileSize, lastLines } from '../files';

/** A system account that a service runs as when we are root. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface RunOptions {
  /** Where the command's output goes; named when it fails. */
  log: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  account?: Account;
  /** Said when the command fails, before its last lines. */
  failure?: string;
}

/** Spawn options for an account: its ids, and a folder it can surely be in. */
export function asAccount(account: Account | undefined): { uid?: number; gid?: number; cwd?: string } {
  return account ? { uid: account.uid, gid: account.gid, cwd: '/' } : {};
}

/**
 * Runs a command to its end with its output in a log file.
 * @throws StackError with the command, its last lines and the log's name.
 */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<void> {
  mkdirSync(dirname(options.log), { recursive: true });
  const offset = fileSize(options.log);
  const shown = [command, ...args].join(' ');
  const handle = openSync(options.log, 'a');
  let outcome: string;
  try {
    writeSync(handle, `$ ${shown}\n`);
    outcome = await new Promise<string>((resolve) => {
      const child = spawn(command, args, {
        stdio: ['ignore', handle, handle],
        env: options.env,
        ...(options.cwd ? { cwd: options.cwd } : {}),
        ...asAccount(options.account),
      });
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(code === 0 ? '' : `ended with ${signal ?? `code ${code}`}`));
    });
  } finally {
    closeSync(handle);
  }
  if (outcome) {
    throw new StackError(
      `${options.failure ?? 'A command failed.'}\n  $ ${shown}\n${lastLines(options.log, 15, offset)}\n` +
        `It ${outcome}. Its whole output is in ${options.log}`,
    );
  }
}

export interface Captured {
  /** The exit code; undefined when the command could not be started or was killed. */
  code: number | undefined;
  stdout: string;
  stderr: string;
}

/** Runs a short command and returns what it said; never throws. Killed after `timeoutMs`. */
export function capture(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string; account?: Account; timeoutMs?: number } = {},
): Promise<Captured> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env,
      ...(options.cwd ? { cwd: options.cwd } : {}),
      ...asAccount(options.account),
    });
    // Not spawn's own timeout: its timer goes on, and keeps us running, when the command does not exist.
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 20_000);
    const settle = (captured: Captured) => {
      clearTimeout(timer);
      resolve(captured);
    };
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', (error) => settle({ code: undefined, stdout, stderr: error.message }));
    child.once('close', (code) => settle({ code: code ?? undefined, stdout, stderr }));
  });
}
