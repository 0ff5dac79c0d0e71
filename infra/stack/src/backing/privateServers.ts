import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { findPostgres, oldestMajor } from '../postgres/binaries';
import { crashPostgres, postgresUrl, startPostgres, stopPostgres } from '../postgres/postgres';
import { createDatabase } from '../postgres/probe';
import { crashRedis, findRedis, redisUrl, startRedis, stopRedis } from '../redis/redis';
import { removeFallbackFolder } from '../servers/dataFolder';
import type { PrivateInstance } from '../servers/instance';
import { isRunning, type ServerSettings } from '../servers/serverProcess';
import { createContext, type StackContext, StackError } from '../system/context';
import { loadSecrets, type Secrets } from './state';

export interface PrivateServersOptions {
  /** The checkout. */
  root: string;
  /** The folder for data and logs. Every account must be able to enter the folders above it. */
  folder: string;
  postgres?: ServerSettings;
  redis?: ServerSettings;
  /** Prints progress. Silent by default. */
  print?: (line: string) => void;
}

/**
 * The data is deleted after the run. Without fsync only a loss of power loses what was committed: what a killed server has
 * written is in the memory of the system. So a crash here still shows what a crash does.
 */
const postgresSettings: ServerSettings = { fsync: 'off', shared_buffers: '128MB' };

/** Returns what PrivateServers needs and this machine lacks, or undefined when nothing is missing. */
export async function describeMissingServers(path: string | undefined): Promise<string | undefined> {
  const missing = [
    ...((await findPostgres(path, undefined))?.hasVector ? [] : [`PostgreSQL ${oldestMajor} or newer with pgvector`]),
    ...(findRedis(path) ? [] : ['Redis 6.2 or newer']),
  ];
  return missing.length === 0
    ? undefined
    : `${missing.join(' and ')} must be installed on this machine. This kills servers and starts them again, so it ` +
        'cannot use a container or a configured server. ' +
        'On Debian, as root: node apps/cli/dist/main.js services install';
}

/**
 * A PostgreSQL and a Redis of installed programs for one run of tests. The run may crash them and start them again at
 * the same address. The servers of the checkout are not touched.
 */
export class PrivateServers {
  private constructor(
    private readonly context: StackContext,
    private readonly settings: { postgres: ServerSettings; redis: ServerSettings },
    private readonly secrets: Secrets,
    private postgres: PrivateInstance,
    private redis: PrivateInstance,
  ) {}

  /** @throws StackError that says what to install when the programs are missing */
  static async start(options: PrivateServersOptions): Promise<PrivateServers> {
    const missing = await describeMissingServers(process.env.PATH);
    if (missing !== undefined) {
      throw new StackError(missing);
    }
    mkdirSync(options.folder, { recursive: true });
    chmodSync(options.folder, 0o755);
    const context = createContext({
      root: options.root,
      environment: { PATH: process.env.PATH },
      stateDir: options.folder,
      print: options.print ?? (() => undefined),
    });
    const settings = { postgres: { ...postgresSettings, ...options.postgres }, redis: options.redis ?? {} };
    const secrets = loadSecrets(context);
    const postgres = assertStarted(
      await startPostgres(context, undefined, secrets.postgresPassword, settings.postgres),
    );
    try {
      const redis = assertStarted(await startRedis(context, undefined, secrets.redisPassword, settings.redis));
      return new PrivateServers(context, settings, secrets, postgres, redis);
    } catch (error) {
      await stopPostgres(postgres);
      throw error;
    }
  }

  /** The same after a restart. */
  get redisUrl(): string {
    return redisUrl(this.redis.port, this.secrets.redisPassword);
  }

  /** Makes an empty database. @returns its URL, which is the same after a restart. */
  async createDatabase(name: string): Promise<string> {
    const { port } = this.postgres;
    await createDatabase(postgresUrl(port, this.secrets.postgresPassword, 'postgres'), name);
    return postgresUrl(port, this.secrets.postgresPassword, name);
  }

  /** Stops PostgreSQL as an administrator does: it closes its sessions, writes everything to disk and ends. */
  async stopPostgres(): Promise<void> {
    await stopPostgres(this.postgres);
  }

  /** Stops PostgreSQL in immediate mode: all sessions end at once, and the next start recovers from the log. */
  async crashPostgres(): Promise<void> {
    await crashPostgres(this.postgres);
  }

  /** Starts PostgreSQL again on its data and its port, and waits until it answers. */
  async restartPostgres(): Promise<void> {
    const { context, secrets, settings, postgres: previous } = this;
    this.postgres = assertStarted(
      await startPostgres(context, previous, secrets.postgresPassword, settings.postgres),
      previous,
    );
  }

  /** Sends SIGKILL to Redis. */
  async crashRedis(): Promise<void> {
    await crashRedis(this.redis);
  }

  /** Starts Redis again after a crash, on its data and its port, and waits until it answers. */
  async restartRedis(): Promise<void> {
    const { context, secrets, settings, redis: previous } = this;
    this.redis = assertStarted(await startRedis(context, previous, secrets.redisPassword, settings.redis), previous);
  }

  /** Stops both and removes their data. The logs stay. */
  async stop(): Promise<void> {
    const { postgres, redis } = this;
    await Promise.all([
      isRunning(postgres) ? stopPostgres(postgres) : undefined,
      isRunning(redis) ? stopRedis(redis) : undefined,
    ]);
    for (const { dataDir } of [postgres, redis]) {
      rmSync(dataDir, { recursive: true, force: true });
    }
    removeFallbackFolder(this.context);
  }
}

/** @throws StackError when the server did not start, or has another port than before: its clients know the old one */
function assertStarted(instance: PrivateInstance | undefined, previous?: PrivateInstance): PrivateInstance {
  if (!instance) {
    throw new StackError('The programs of PostgreSQL or Redis have been removed.');
  }
  if (previous && instance.port !== previous.port) {
    throw new StackError(`Another program took port ${previous.port} while the server was down.`);
  }
  return instance;
}
