import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resetServices } from '../src/backing/services';
import { createContext, type StackContext } from '../src/system/context';

const made: StackContext[] = [];
const folders: string[] = [];

/** Makes a folder for a test that every account can enter. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** Makes a context with its own state folder and no configured servers. It collects the printed lines. */
export function makeContext(environment: Record<string, string> = {}): StackContext & { printed: string[] } {
  const printed: string[] = [];
  const context = createContext({
    root: join(__dirname, '../../..'),
    // No Docker engine answers there, so the servers run as private instances on every machine.
    environment: { PATH: process.env.PATH, DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...environment },
    stateDir: makeFolder(),
    print: (line) => printed.push(line),
  });
  made.push(context);
  return { ...context, printed };
}

/** Stops and removes everything that the tests of a file have started. */
export async function cleanUp(): Promise<void> {
  for (const context of made.splice(0)) {
    await resetServices({ ...context, environment: { ...context.environment, DATABASE_URL: '', REDIS_URL: '' } });
  }
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

/** Returns the ids of all processes whose command line contains a text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
      } catch {
        // The process has already ended.
        return false;
      }
    })
    .map(Number);
}
