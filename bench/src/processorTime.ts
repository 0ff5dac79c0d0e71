import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { childrenOf } from './memory';

/** The kernel's unit in /proc/PID/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;
const lookMs = 250;

/** Processor seconds that a process has used with all its threads, without its children; undefined when it is gone. */
function secondsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; user and system time are the 12th and 13th field after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/**
 * Watches the processor time of named processes and their children, of the PostgreSQL processes that serve one database,
 * and of Redis. Waiting is not in it, so that other work on the machine changes it less than it changes the time by the
 * clock. Servers that are not processes of this machine are left out.
 */
export class ProcessorWatch {
  /** By name and process id, what it has used so far. */
  private readonly used = new Map<string, number>();
  private before = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();

  private constructor(
    private readonly processes: readonly { name: string; pid: number }[],
    private readonly database: Client,
    private readonly redisPid: number,
  ) {
    this.timer = setInterval(() => {
      // What fails now fails at the end of the lap as well, and is thrown there.
      this.looking = this.look().catch(() => undefined);
    }, lookMs).unref();
  }

  static async start(
    processes: readonly { name: string; pid: number }[],
    urls: { databaseUrl: string; redisUrl: string },
  ): Promise<ProcessorWatch> {
    const database = new Client({ connectionString: urls.databaseUrl });
    // The database is dropped with the stack; whoever watches until then has nothing to say about it.
    database.on('error', () => undefined);
    await database.connect();
    const watch = new ProcessorWatch(processes, database, await redisPid(urls.redisUrl));
    await watch.lap();
    return watch;
  }

  /** @returns the seconds that each name has used since the last call. */
  async lap(): Promise<Map<string, number>> {
    await this.looking;
    await this.look();
    const seconds = new Map<string, number>();
    for (const [key, used] of this.used) {
      const [name = ''] = key.split('#');
      seconds.set(name, (seconds.get(name) ?? 0) + used - (this.before.get(key) ?? 0));
    }
    this.before = new Map(this.used);
    return seconds;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.database.end();
  }

  private async look(): Promise<void> {
    for (const { name, pid } of this.processes) {
      this.note(name, pid);
      for (const child of childrenOf(pid)) {
        this.note(`${name} child`, child);
      }
    }
    this.note('redis', this.redisPid);
    const { rows } = await this.database.query<{ pid: number; name: string }>(
      `SELECT pid, datname AS name FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    for (const { pid, name } of rows) {
      // A backend's title names its database; another process with the same id, outside of a container, does not.
      if (commandOf(pid).includes(name)) {
        this.note('postgres', pid);
      }
    }
  }

  private note(name: string, pid: number): void {
    const seconds = secondsOf(pid);
    if (seconds !== undefined) {
      this.used.set(`${name}#${pid}`, seconds);
    }
  }
}

/** The process id of Redis, or 0 where it is no process of this machine. */
async function redisPid(url: string): Promise<number> {
  const redis = new Redis(url, { lazyConnect: true });
  try {
    await redis.connect();
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1] ?? 0);
    return commandOf(pid).includes('redis') ? pid : 0;
  } finally {
    redis.disconnect();
  }
}
