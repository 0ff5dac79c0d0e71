import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, type StackContext } from '../src/context';
import { resetServices } from '../src/services/backingServices';

const made: StackContext[] = [];
const folders: string[] = [];

/** A folder of its own for a test, which every account can enter. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

/** A context with a state folder of its own and no services given; what was said is collected. */
export function makeContext(environment: Record<string, string> = {}): StackContext & { said: string[] } {
  const said: string[] = [];
  const context = createContext({
    root: join(__dirname, '../../..'),
    // No engine answers there, so the services run as private instances whatever this machine has.
    environment: { PATH: process.env.PATH, DOCKER_HOST: 'unix:///nonexistent/docker.sock', ...environment },
    stateDir: makeFolder(),
    say: (line) => said.push(line),
  });
  made.push(context);
  return { ...context, said };
}

/** Stops and removes whatever the tests of this file have started. */
export async function cleanUp(): Promise<void> {
  for (const context of made.splice(0)) {
    await resetServices({ ...context, environment: { ...context.environment, DATABASE_URL: '', REDIS_URL: '' } });
  }
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** True when private instances can run here: PostgreSQL with pgvector, and Redis, are installed. */
export const canRunServices =
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some((major) =>
    existsSync(`/usr/share/postgresql/${major}/extension/vector.control`),
  ) &&
  existsSync('/usr/bin/redis-server');

/** The ids of all processes whose command line contains a text. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(text);
      } catch {
        // It ended while we looked.
        return false;
      }
    })
    .map(Number);
}
