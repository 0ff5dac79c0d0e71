import type { Database } from '@millrace/database';
import { byClients } from '../clients';
import { backendsOf, processorMs } from './serverTime';

/** What one kind of call has cost so far, over many rounds. */
export class Phase {
  /** Of each call, in milliseconds. */
  readonly times: number[] = [];
  private chunks = 0;
  private elapsed = 0;
  private server: number | null = 0;
  private worker = 0;

  /** Makes the calls, by so many clients at once, each over a connection that is open already. */
  async measure(
    database: Database,
    clients: number,
    chunks: number,
    calls: readonly (() => Promise<unknown>)[],
  ): Promise<void> {
    const backends = await backendsOf(database, clients);
    const serverBefore = backends && processorMs(backends);
    const workerBefore = process.cpuUsage();
    const start = performance.now();
    this.times.push(...(await byClients(clients, calls)));
    this.elapsed += performance.now() - start;
    const { user, system } = process.cpuUsage(workerBefore);
    this.worker += (user + system) / 1000;
    this.server =
      backends && serverBefore !== null && this.server !== null
        ? this.server + processorMs(backends) - serverBefore
        : null;
    this.chunks += chunks;
  }

  /** Processor time of PostgreSQL's connections for one chunk, in milliseconds; NaN where it cannot be seen. */
  get serverMs(): number {
    return this.server === null ? Number.NaN : this.server / this.chunks;
  }

  /** Processor time of this process for one chunk, in milliseconds. */
  get workerMs(): number {
    return this.worker / this.chunks;
  }

  /** Time on the clock for one chunk, in milliseconds, with all clients at work. */
  get elapsedMs(): number {
    return this.elapsed / this.chunks;
  }
}
