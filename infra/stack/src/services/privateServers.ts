import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createContext, type StackContext, StackError } from '../context';
import { fallbackFolder } from '../place';
import { findPostgres, oldestMajor } from '../postgres/binaries';
import { crashPostgres, postgresUrl, startPostgres, stopPostgres } from '../postgres/postgres';
import { createDatabase } from '../postgres/probe';
import { isRunning, type ServerSettings } from '../processes/serverProcess';
import { crashRedis, findRedis, redisUrl, startRedis, stopRedis } from '../redis/redis';
import { loadSecrets, type Secrets } from './secrets';
import type { PrivateInstance } from './serviceState';

export interface PrivateServersOptions {
  /** The checkout. */
  root: string;
  /** Where data and logs go; every account must be able to enter the folders above it. */
  folder: string;
  postgres?: ServerSettings;
  redis?: ServerSettings;
  /** Tells what is happening; silent if left out. */
  say?: (line: string) => void;
}

/**
 * Says what is missing for PrivateServers on this machine; undefined when nothing is. Neither a Docker engine nor
 * servers given by URL will do: they are not ours to kill.
 */
export async function describeMissingServers(path: string | undefined): Promise<string | undefined> {
  const missing = [
    ...((await findPostgres(path, undefined))?.hasVector ? [] : [`PostgreSQL ${oldestMajor} or newer with pgvector`]),
    ...(findRedis(path) ? [] : ['Redis 6.2 or newer']),
  ];
  return missing.length === 0
    ? undefined
    : `${missing.join(' and ')} must be installed on this machine, because servers are killed and started again here, ` +
        'which cannot be done to a container or to servers given by URL. ' +
        'On Debian or Ubuntu, as root: node infra/stack/dist/main.js services install';
}

/**
 * A PostgreSQL and a Redis of installed programs for one run of tests, which may crash them and start them again at the
 * same address. The checkout's own services are not touched.
 */
export class PrivateServers {
  private constructor(
    private readonly context: StackContext,
    private readonly settings: { postgres: ServerSettings; redis: ServerSettings },
    private readonly secrets: Secrets,
    private postgres: PrivateInstance,
    private redis: PrivateInstance,
  ) {}

  /** @throws StackError when the programs are not installed, saying what to do. */
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
      say: options.say ?? (() => undefined),
    });
    const settings = { postgres: options.postgres ?? {}, redis: options.redis ?? {} };
    const secrets = loadSecrets(context);
    const postgres = found(await startPostgres(context, undefined, secrets.postgresPassword, settings.postgres));
    try {
      const redis = found(await startRedis(context, undefined, secrets.redisPassword, settings.redis));
      return new PrivateServers(context, settings, secrets, postgres, redis);
    } catch (error) {
      await stopPostgres(postgres);
      throw error;
    }
  }

  /** Stays the same over restarts. */
  get redisUrl(): string {
    return redisUrl(this.redis.port, this.secrets.redisPassword);
  }

  /** Makes an empty database. @returns its URL, which stays the same over restarts. */
  async createDatabase(name: string): Promise<string> {
    const { port } = this.postgres;
    await createDatabase(postgresUrl(port, this.secrets.postgresPassword, 'postgres'), name);
    return postgresUrl(port, this.secrets.postgresPassword, name);
  }

  /** As an administrator does: the server says goodbye to its sessions, writes everything to disk and ends. */
  async stopPostgres(): Promise<void> {
    await stopPostgres(this.postgres);
  }

  /** Immediate mode: all sessions end at once, and the next start recovers from the log. */
  async crashPostgres(): Promise<void> {
    await crashPostgres(this.postgres);
  }

  /** Starts PostgreSQL again, on its data and its port, and waits until it answers. */
  async restartPostgres(): Promise<void> {
    const { context, secrets, postgres: previous } = this;
    this.postgres = found(await startPostgres(context, previous, secrets.postgresPassword, this.settings.postgres));
    assertSamePort('PostgreSQL', previous, this.postgres);
  }

  /** SIGKILL. */
  async crashRedis(): Promise<void> {
    await crashRedis(this.redis);
  }

  /** Starts Redis again after a crash, on its data and its port, and waits until it answers. */
  async restartRedis(): Promise<void> {
    const { context, secrets, redis: previous } = this;
    this.redis = found(await startRedis(context, previous, secrets.redisPassword, this.settings.redis));
    assertSamePort('Redis', previous, this.redis);
  }

  /** Stops both and removes their data; the logs stay. */
  async stop(): Promise<void> {
    const { postgres, redis } = this;
    await Promise.all([
      isRunning(postgres) ? stopPostgres(postgres) : undefined,
      isRunning(redis) ? stopRedis(redis) : undefined,
    ]);
    for (const { dataDir } of [postgres, redis]) {
      rmSync(dataDir, { recursive: true, force: true });
    }
    if (existsSync(fallbackFolder(this.context))) {
      rmSync(fallbackFolder(this.context), { recursive: true, force: true });
    }
  }
}

function found(instance: PrivateInstance | undefined): PrivateInstance {
  if (!instance) {
    throw new StackError('The programs of PostgreSQL or Redis are gone.');
  }
  return instance;
}

/** Its clients know the old one. */
function assertSamePort(name: string, before: PrivateInstance, after: PrivateInstance): void {
  if (after.port !== before.port) {
    throw new StackError(`Port ${before.port} was taken by another program while ${name} was down.`);
  }
}
