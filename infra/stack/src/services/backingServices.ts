import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { ownRolesFile } from '../database/roles';
import { acquireLock, identifyProcess } from '../lock';
import { fallbackFolder } from '../place';
import { bringDown, bringUp, instanceUrl } from './backend';
import { removeContainers } from './docker';
import { checkGiven, givenUrl, givenVariables, withoutPassword } from './givenServices';
import { loadSecrets } from './secrets';
import { readServiceState, type ServiceName, type ServiceState, writeServiceState } from './serviceState';

export const serviceNames = ['postgres', 'redis'] as const satisfies readonly ServiceName[];

/** The backing services, as a command uses them. */
export interface BackingServices {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** At least one of them was started by this call. */
  readonly startedByUs: boolean;
  /**
   * Ends this command's use. What commands started for themselves is stopped when the last of them ends; what
   * the user gave or started with `services up` stays.
   */
  readonly stop: () => Promise<void>;
}

async function withLock<T>(context: StackContext, work: () => Promise<T>): Promise<T> {
  const release = await acquireLock(join(context.stateDir, 'locks'), 'services', {
    timeoutMs: 1_800_000,
    onWait: (pid) => context.say(`Waiting for process ${pid}, which is working on the services of this checkout ...`),
  });
  try {
    return await work();
  } finally {
    release();
  }
}

/** Brings up what is not given by URL, noting each in the state at once, so that nothing started is forgotten. */
async function bringUpAll(
  context: StackContext,
  state: ServiceState,
): Promise<{ urls: Record<ServiceName, string>; started: boolean; reused: boolean }> {
  const secrets = loadSecrets(context);
  let anyStarted = false;
  let anyReused = false;
  const urlOf = async (service: ServiceName): Promise<string> => {
    const given = givenUrl(context, service);
    if (given !== undefined) {
      await checkGiven(service, given);
      return given;
    }
    const { instance, reused } = await bringUp(context, service, state[service], secrets);
    anyStarted ||= !reused;
    anyReused ||= reused;
    state[service] = instance;
    writeServiceState(context, state);
    return instanceUrl(service, instance, secrets);
  };
  const urls = { postgres: await urlOf('postgres'), redis: await urlOf('redis') };
  return { urls, started: anyStarted, reused: anyReused };
}

/**
 * Finds or starts PostgreSQL and Redis. Safe to call at the same time from several processes.
 * @param keep they are to stay when the commands that use them have ended (`services up`)
 */
export async function ensureServices(
  context: StackContext,
  options: { keep?: boolean } = {},
): Promise<BackingServices> {
  const me = { pid: process.pid, identity: identifyProcess(process.pid) ?? 'unknown' };
  const { urls, started } = await withLock(context, async () => {
    const state = readServiceState(context);
    const result = await bringUpAll(context, state);
    if (options.keep) {
      state.keep = true;
    } else {
      // If all were down, an earlier `services up` does not count any more.
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

/** Takes one use of this process off the list, and stops the services when nobody is left. */
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
      await bringDown(context, service, instance);
    }
  }
  state.keep = false;
}

/** Stops what this checkout has started; the data stays. */
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
 * Names of files and folders in the state folder that hold or describe data; logs, backups, the API key and the passwords
 * of roles on servers of the user's stay.
 */
const dataEntries = ['postgres', 'redis', 'blobs', 'secrets.json', 'services.json', ownRolesFile];

/**
 * Stops what this checkout has started and deletes all its data, uploaded originals included.
 * @throws StackError when the user gave a URL: that server's data is not ours to delete
 */
export async function resetServices(context: StackContext): Promise<void> {
  for (const service of serviceNames) {
    const given = givenUrl(context, service);
    if (given !== undefined) {
      const variable = givenVariables[service];
      throw new StackError(
        `${variable} is set to ${withoutPassword(given)}, a server of yours, so nothing was deleted.\n` +
          (service === 'postgres'
            ? 'To empty it, drop and make the database yourself, for example with psql and its maintenance database:\n' +
              '  DROP DATABASE name; CREATE DATABASE name;\n'
            : 'To empty it, delete the keys that begin with your QUEUE_PREFIX yourself with redis-cli.\n') +
          `To reset the private services of this checkout, run the command without ${variable}.`,
      );
    }
  }
  await withLock(context, async () => {
    const state = readServiceState(context);
    const projects = serviceNames.flatMap((service) => {
      const instance = state[service];
      return instance?.kind === 'docker' ? [instance.project] : [];
    });
    await stopAll(context, state);
    for (const project of new Set(projects)) {
      await removeContainers(context, project);
    }
    for (const entry of dataEntries) {
      rmSync(join(context.stateDir, entry), { recursive: true, force: true });
    }
    if (existsSync(fallbackFolder(context))) {
      rmSync(fallbackFolder(context), { recursive: true, force: true });
    }
  });
}
