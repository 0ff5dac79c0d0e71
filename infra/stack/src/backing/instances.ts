import { installServer } from '../apt/install';
import { renewPgvector } from '../apt/pgvector';
import { findPostgres } from '../postgres/binaries';
import { dataMajor } from '../postgres/cluster';
import { isOurPostgres, postgresUrl, startPostgres, stopPostgres } from '../postgres/postgres';
import { isOurRedis, redisUrl, startRedis, stopRedis } from '../redis/redis';
import type { Instance, PrivateInstance, ServiceName } from '../servers/instance';
import type { StackContext } from '../system/context';
import { hasDocker, startContainer, stopContainer } from './docker';
import type { Secrets } from './state';

const password = {
  postgres: (secrets: Secrets) => secrets.postgresPassword,
  redis: (secrets: Secrets) => secrets.redisPassword,
};

/** How private instances of each service are handled. */
const handlers = {
  postgres: { url: postgresUrl, isOurs: isOurPostgres, start: startPostgres, stop: stopPostgres },
  redis: { url: redisUrl, isOurs: isOurRedis, start: startRedis, stop: stopRedis },
} as const;

/** Returns the URL of an instance of this checkout. */
export function instanceUrl(service: ServiceName, instance: Instance, secrets: Secrets): string {
  return handlers[service].url(instance.port, password[service](secrets));
}

/** True when a private instance runs, was started by Millrace, and answers. */
export function isOurs(service: ServiceName, instance: PrivateInstance, secrets: Secrets): Promise<boolean> {
  return handlers[service].isOurs(instance, password[service](secrets));
}

/** Starts an instance of the installed programs. Installs them first where that is possible. */
async function startPrivate(
  context: StackContext,
  service: ServiceName,
  previous: PrivateInstance | undefined,
  secrets: Secrets,
): Promise<Instance> {
  if (service === 'postgres') {
    const installed = await findPostgres(context.environment.PATH, previous && dataMajor(previous.dataDir));
    await (installed && renewPgvector(context, installed));
  }
  const start = () => handlers[service].start(context, previous, password[service](secrets));
  const started = await start();
  if (started) {
    return started;
  }
  await installServer(context, service);
  const afterInstalling = await start();
  if (!afterInstalling) {
    throw new Error(`${service} was installed, but its programs are not found.`);
  }
  return afterInstalling;
}

/**
 * Finds or starts one service of this checkout. It starts in the same way as before, because its data is there. The
 * first time Docker is preferred, then installed programs.
 * @returns the instance, and whether it was running already
 */
export async function startInstance(
  context: StackContext,
  service: ServiceName,
  previous: Instance | undefined,
  secrets: Secrets,
): Promise<{ instance: Instance; reused: boolean }> {
  if (previous?.kind === 'private') {
    if (await isOurs(service, previous, secrets)) {
      return { instance: previous, reused: true };
    }
    return { instance: await startPrivate(context, service, previous, secrets), reused: false };
  }
  if (previous?.kind === 'docker' || (await hasDocker(context))) {
    const instance = await startContainer(context, service, previous, secrets);
    return { instance, reused: previous?.port === instance.port };
  }
  return { instance: await startPrivate(context, service, undefined, secrets), reused: false };
}

/** Stops one service of this checkout. Its data stays. */
export async function stopInstance(context: StackContext, service: ServiceName, instance: Instance): Promise<void> {
  await (instance.kind === 'docker' ? stopContainer(context, service, instance) : handlers[service].stop(instance));
}
