import { readFileSync } from 'node:fs';
import type { Database } from '@millrace/database';

/**
 * Opens all of a pool's connections and returns their server processes, or null where those are not processes of this
 * machine that we may look at: the server is elsewhere or in a container, or this is no Linux.
 */
export async function backendsOf(database: Database, connections: number): Promise<number[] | null> {
  const rows = await Promise.all(
    // Asleep, so that no connection is used twice.
    Array.from({ length: connections }, () =>
      database.sql.one<{ pid: number; name: string }>(
        'SELECT pg_backend_pid() AS pid, current_database() AS name FROM pg_sleep(0.1)',
      ),
    ),
  );
  const ours = rows.every(({ pid, name }) => processTitle(pid).includes(name));
  return ours ? rows.map(({ pid }) => pid) : null;
}

/** A backend's title names its database; another process's with the same id, outside of a container, does not. */
function processTitle(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Processor time that the processes have used so far, in milliseconds. The kernel counts it in nanoseconds, and waiting
 * for a processor, a lock or the disk is not in it, so that other work on the machine hardly changes it.
 * @throws Error when one of them has ended.
 */
export function processorMs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6, 0);
}
