import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, type StackContext } from '@millrace/stack';
import { CommanderError } from 'commander';
import { reportError } from '../src/errors';
import { runCommand } from '../src/program';

const folders: string[] = [];

/** Makes a folder for a test that every account can enter. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

export type TestContext = StackContext & { said: string[] };

/** Makes a context with a state folder of its own. It collects what is said. */
export function makeContext(environment: Record<string, string> = {}): TestContext {
  const said: string[] = [];
  const context = createContext({
    root: join(__dirname, '../../..'),
    environment: { PATH: process.env.PATH, ...environment },
    stateDir: makeFolder(),
    say: (line) => said.push(line),
  });
  return { ...context, said };
}

/** Runs `db ACTION`. @returns the exit code */
export function db(context: StackContext, ...args: string[]): Promise<number> {
  return runCommand(context, ['db', ...args]);
}

/** Runs a command with arguments that cannot be used. @returns what it printed */
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

/** True when private instances can run here: PostgreSQL with pgvector, and Redis, are installed. */
export const canRunServers =
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some((major) =>
    existsSync(`/usr/share/postgresql/${major}/extension/vector.control`),
  ) &&
  existsSync('/usr/bin/redis-server');
