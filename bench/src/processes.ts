import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { Client } from 'pg';

const lookMs = 200;
/** The unit of /proc/PID/stat, on every Linux that Node runs on. */
const ticksPerSecond = 100;

interface NamedProcess {
  name: string;
  pid: number;
}

/** Reads a file of /proc, or returns '' when the process is gone. */
export function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** Returns the processor seconds of a process and its threads, without its children. Undefined when it is gone. */
function processorSeconds(pid: number): number | undefined {
  const stat = readProc(pid, 'stat');
  // The name in parentheses may contain anything. User and system time are the 12th and 13th field after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? undefined : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function peakMiB(pid: number): number {
  return Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readProc(pid, 'status'))?.[1] ?? 0) / 1024);
}

/**
 * Watches the processor time and peak memory of named processes and their children ("NAME child"), and the processor time of
 * the PostgreSQL processes of one database and of Redis. Waiting does not count as processor time, so other work on the
 * machine changes it less than the time on the clock. Servers on other machines are left out.
 */
export class ProcessWatch {
  /** Processor seconds so far, by name and process id. */
  private readonly used = new Map<string, number>();
  private usedBefore = new Map<string, number>();
  /** Peak resident memory in MiB, by name. */
  readonly peaks = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;
  private looking: Promise<void> = Promise.resolve();

  private constructor(
    private readonly processes: readonly NamedProcess[],
    private readonly database: Client,
    private readonly redisPid: number,
  ) {
    this.timer = setInterval(() => {
      // An error here comes again at the end of the lap, which throws it.
      this.looking = this.look().catch(() => undefined);
    }, lookMs).unref();
  }

  static async start(
    processes: readonly NamedProcess[],
    urls: { databaseUrl: string; redisUrl: string },
  ): Promise<ProcessWatch> {
    const database = new Client({ connectionString: urls.databaseUrl });
    // The database may be dropped while it is watched.
    database.on('error', () => undefined);
    await database.connect();
    const watch = new ProcessWatch(processes, database, await findRedis(urls.redisUrl));
    await watch.lap();
    return watch;
  }

  /** Returns the processor seconds of each name since the last call. */
  async lap(): Promise<Map<string, number>> {
    await this.looking;
    await this.look();
    const seconds = new Map<string, number>();
    for (const [key, used] of this.used) {
      const [name = ''] = key.split('#');
      seconds.set(name, (seconds.get(name) ?? 0) + used - (this.usedBefore.get(key) ?? 0));
    }
    this.usedBefore = new Map(this.used);
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
      for (const child of readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean)) {
        this.note(`${name} child`, Number(child));
      }
    }
    this.noteTime('redis', this.redisPid);
    const { rows } = await this.database.query<NamedProcess>(
      `SELECT pid, datname AS name FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
    for (const { pid, name } of rows) {
      // The title of a backend contains its database. Another process with the same id, outside a container, does not.
      if (readProc(pid, 'cmdline').includes(name)) {
        this.noteTime('postgres', pid);
      }
    }
  }

  private note(name: string, pid: number): void {
    this.noteTime(name, pid);
    this.peaks.set(name, Math.max(this.peaks.get(name) ?? 0, peakMiB(pid)));
  }

  private noteTime(name: string, pid: number): void {
    const seconds = processorSeconds(pid);
    if (seconds !== undefined) {
      this.used.set(`${name}#${pid}`, seconds);
    }
  }
}

/** Returns the process id of Redis, or 0 when it does not run on this machine. */
async function findRedis(url: string): Promise<number> {
  const redis = new Redis(url, { lazyConnect: true });
  try {
    await redis.connect();
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1] ?? 0);
    return readProc(pid, 'cmdline').includes('redis') ? pid : 0;
  } finally {
    redis.disconnect();
  }
}
