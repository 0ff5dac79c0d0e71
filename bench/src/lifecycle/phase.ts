import type { Database } from '@millrace/database';
import { byClients } from '../clients';
import { readProc } from '../processes';

/** What one kind of call has cost over many rounds. */
export class Phase {
  /** The time of each call, in milliseconds. */
  readonly times: number[] = [];
  private chunks = 0;
  private elapsed = 0;
  private server = 0;
  private worker = 0;

  /** Makes the calls with this many clients at once, over connections that are open already. */
  async measure(
    database: Database,
    clients: number,
    chunks: number,
    calls: readonly (() => Promise<unknown>)[],
  ): Promise<void> {
    const backends = await openBackends(database, clients);
    const serverBefore = processorMs(backends);
    const workerBefore = process.cpuUsage();
    const start = performance.now();
    this.times.push(...(await byClients(clients, calls)));
    this.elapsed += performance.now() - start;
    const { user, system } = process.cpuUsage(workerBefore);
    this.worker += (user + system) / 1000;
    this.server += processorMs(backends) - serverBefore;
    this.chunks += chunks;
  }

  /** The processor time of PostgreSQL's connections per chunk, in milliseconds. NaN when it cannot be seen. */
  get postgresMs(): number {
    return this.server / this.chunks;
  }

  /** The processor time of this process per chunk, in milliseconds. */
  get workerMs(): number {
    return this.worker / this.chunks;
  }

  /** The time on the clock per chunk with all clients at work, in milliseconds. */
  get elapsedMs(): number {
    return this.elapsed / this.chunks;
  }
}

/** Opens all connections of a pool. @returns their server processes. */
async function openBackends(database: Database, connections: number): Promise<{ pid: number; name: string }[]> {
  // Each statement sleeps, so that no connection is used twice.
  const statement = 'SELECT pg_backend_pid() AS pid, current_database() AS name FROM pg_sleep(0.1)';
  return Promise.all(
    Array.from({ length: connections }, () => database.sql.one<{ pid: number; name: string }>(statement)),
  );
}

/**
 * Returns the processor time that the server processes have used, in milliseconds. The kernel counts nanoseconds, and waiting
 * is not included. It is NaN when a process is not on this machine, such as in a container: the title of a backend contains
 * its database.
 */
function processorMs(backends: readonly { pid: number; name: string }[]): number {
  return backends.reduce((total, { pid, name }) => {
    const isHere = readProc(pid, 'cmdline').includes(name);
    return total + (isHere ? Number(readProc(pid, 'schedstat').split(' ')[0]) / 1e6 : Number.NaN);
  }, 0);
}
