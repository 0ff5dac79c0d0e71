import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { removeFallbackFolder } from '../servers/dataFolder';
import type { ServiceName } from '../servers/instance';
import { type StackContext, StackError } from '../system/context';
import { acquireLock, identifyProcess } from '../system/lock';
import { checkServer, configuredUrl, urlVariables, withoutPassword } from './configured';
import { removeContainers } from './docker';
import { instanceUrl, startInstance, stopInstance } from './instances';
import { ownRolesFile } from './roles';
import { loadSecrets, readServiceState, type ServiceState, serviceNames, writeServiceState } from './state';

/** PostgreSQL and Redis, as a command uses them. */
export interface BackingServices {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** True when this call started at least one of them. */
  readonly startedByUs: boolean;
  /**
   * Ends this command's use. The last command that ends stops the servers that commands started for themselves.
   * Servers that the user configured or started with `services up` stay.
   */
  readonly stop: () => Promise<void>;
}

async function withLock<T>(context: StackContext, work: () => Promise<T>): Promise<T> {
  const release = await acquireLock(join(context.stateDir, 'locks'), 'services', {
    timeoutMs: 1_800_000,
    onWait: (pid) => context.print(`Waiting for process ${pid}, which is working on the services of this checkout ...`),
  });
  try {
    return await work();
  } finally {
    release();
  }
}

/**
 * Starts the servers that are not configured by URL. Writes each to the state at once, so that no started server is
 * forgotten.
 */
async function startAll(
  context: StackContext,
  state: ServiceState,
): Promise<{ urls: Record<ServiceName, string>; started: boolean; reused: boolean }> {
  const secrets = loadSecrets(context);
  let started = false;
  let reused = false;
  const urlOf = async (service: ServiceName): Promise<string> => {
    const url = configuredUrl(context, service);
    if (url !== undefined) {
      await checkServer(service, url);
      return url;
    }
    const found = await startInstance(context, service, state[service], secrets);
    started ||= !found.reused;
    reused ||= found.reused;
    state[service] = found.instance;
    writeServiceState(context, state);
    return instanceUrl(service, found.instance, secrets);
  };
  const urls = { postgres: await urlOf('postgres'), redis: await urlOf('redis') };
  return { urls, started, reused };
}

/**
 * Finds or starts PostgreSQL and Redis. Several processes can call it at the same time.
 * @param options.keep the servers stay when the commands that use them have ended (`services up`)
 * @throws StackError when a configured server does not answer, or none can be started
 */
export async function ensureServices(
  context: StackContext,
  options: { keep?: boolean } = {},
): Promise<BackingServices> {
  const me = { pid: process.pid, identity: identifyProcess(process.pid) ?? 'unknown' };
  const { urls, started } = await withLock(context, async () => {
    const state = readServiceState(context);
    const result = await startAll(context, state);
    if (options.keep) {
      state.keep = true;
    } else {
      // When all were down, an earlier `services up` no longer counts.
      state.keep &&= result.reused || !result.started;
      state.users.push(me);
    }
    writeServiceState(context, state);
    return result;
  });
  let stopping: Promise<void> | undefined;
  return {
    databaseUrl: urls.postgres,
    redisUrl: urls.redis,
    startedByUs: started,
    stop: () => {
      stopping ??= options.keep ? Promise.resolve() : endUse(context, me.pid);
      return stopping;
    },
  };
}

/** Takes one use of this process off the list, and stops the servers after the last one. */
async function endUse(context: StackContext, pid: number): Promise<void> {
  await withLock(context, async () => {
    const state = readServiceState(context);
    const index = state.users.findIndex((user) => user.pid === pid);
    if (index >= 0) {
      state.users.splice(index, 1);
    }
    if (!state.keep && state.users.length === 0) {
      await stopAll(context, state);
    }
    writeServiceState(context, state);
  });
}

async function stopAll(context: StackContext, state: ServiceState): Promise<void> {
  for (const service of serviceNames) {
    const instance = state[service];
    if (instance) {
      await stopInstance(context, service, instance);
    }
  }
  state.keep = false;
}

/** Stops what this checkout has started. The data stays. */
export async function stopServices(context: StackContext): Promise<ServiceName[]> {
  return withLock(context, async () => {
    const state = readServiceState(context);
    const stopped = serviceNames.filter((service) => state[service] !== undefined);
    await stopAll(context, state);
    writeServiceState(context, state);
    return stopped;
  });
}

/**
 * The entries of the state folder that a reset deletes. Logs, backups, the API key, and the passwords of roles on the
 * user's servers stay.
 */
const dataEntries = ['postgres', 'redis', 'blobs', 'secrets.json', 'services.json', ownRolesFile];

const howToEmpty = {
  postgres:
    'To empty it, drop and make the database yourself, for example with psql and its maintenance database:\n' +
    '  DROP DATABASE name; CREATE DATABASE name;',
  redis: 'To empty it, delete the keys that begin with your QUEUE_PREFIX yourself with redis-cli.',
} as const;

/**
 * Stops what this checkout has started and deletes all its data, uploaded originals included.
 * @throws StackError when the user configured a URL: Millrace must not delete the data of that server
 */
export async function resetServices(context: StackContext): Promise<void> {
  for (const service of serviceNames) {
    const url = configuredUrl(context, service);
    if (url !== undefined) {
      const variable = urlVariables[service];
      throw new StackError(
        `${variable} is set to ${withoutPassword(url)}, a server of yours, so nothing was deleted.\n` +
          `${howToEmpty[service]}\nTo reset the private servers of this checkout, run the command without ${variable}.`,
      );
    }
  }
  await withLock(context, async () => {
    const state = readServiceState(context);
    const instances = serviceNames.map((service) => state[service]);
    const projects = instances.flatMap((instance) => (instance?.kind === 'docker' ? [instance.project] : []));
    await stopAll(context, state);
    for (const project of new Set(projects)) {
      await removeContainers(context, project);
    }
    for (const entry of dataEntries) {
      rmSync(join(context.stateDir, entry), { recursive: true, force: true });
    }
    removeFallbackFolder(context);
  });
}
