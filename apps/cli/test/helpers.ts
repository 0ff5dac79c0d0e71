import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, type StackContext } from '@millrace/stack';
import { CommanderError } from 'commander';
import { reportError } from '../src/errors';
import { runCommand } from '../src/program';

const folders: string[] = [];

/** Makes a temporary folder that every account can enter. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

export interface Outcome {
  code: number;
  output: string;
  errors: string;
}

/** The compiled command line program. */
export const program = join(__dirname, '..', 'dist', 'main.js');

/** Runs the compiled program in a process, with its own state folder and only the given environment. */
export function millrace(
  args: string[],
  options: { cwd?: string; environment?: Record<string, string> } = {},
): Promise<Outcome> {
  const env = { PATH: process.env.PATH, STATE_DIR: makeFolder(), ...options.environment };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, cwd: options.cwd ?? __dirname }, (error, output, errors) => {
      resolve({ code: error === null ? 0 : Number(error.code), output, errors });
    });
  });
}

export type TestContext = StackContext & { printed: string[] };

/** Makes a context with its own state folder. It collects the printed lines. */
export function makeContext(environment: Record<string, string> = {}): TestContext {
  const printed: string[] = [];
  const context = createContext({
    root: join(__dirname, '../../..'),
    environment: { PATH: process.env.PATH, ...environment },
    stateDir: makeFolder(),
    print: (line) => printed.push(line),
  });
  return { ...context, printed };
}

/** Runs `db ACTION`. @returns the exit code */
export function db(context: StackContext, ...args: string[]): Promise<number> {
  return runCommand(context, ['db', ...args]);
}

/** Runs a command that must fail with a usage error. @returns the text on standard error */
export async function failUsage(context: StackContext, ...args: string[]): Promise<string> {
  const print = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  try {
    const error = await runCommand(context, args).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CommanderError);
    expect(reportError(error)).toBe(2);
    return print.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    print.mockRestore();
  }
}

/** Removes the folders that the tests of a file have made. */
export function cleanUp(): void {
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether PostgreSQL with pgvector and Redis are installed, so that tests can start their own servers. */
export const canRunServers =
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some((major) =>
    existsSync(`/usr/share/postgresql/${major}/extension/vector.control`),
  ) &&
  existsSync('/usr/bin/redis-server');
