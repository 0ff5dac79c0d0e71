import { installService } from '../apt/install';
import type { StackContext } from '../context';
import { isOurPostgres, postgresUrl, startPostgres, stopPostgres } from '../postgres/postgres';
import { isOurRedis, redisUrl, startRedis, stopRedis } from '../redis/redis';
import { hasDocker, startContainer, stopContainer } from './docker';
import type { Secrets } from './secrets';
import type { DockerInstance, Instance, PrivateInstance, ServiceName } from './serviceState';

/** How a private instance of each service is handled; the two services differ in nothing else here. */
const handlers = {
  postgres: {
    url: (port: number, secrets: Secrets) => postgresUrl(port, secrets.postgresPassword),
    isOurs: (instance: PrivateInstance, secrets: Secrets) => isOurPostgres(instance, secrets.postgresPassword),
    start: (context: StackContext, previous: PrivateInstance | undefined, secrets: Secrets) =>
      startPostgres(context, previous, secrets.postgresPassword),
    stop: stopPostgres,
  },
  redis: {
    url: (port: number, secrets: Secrets) => redisUrl(port, secrets.redisPassword),
    isOurs: (instance: PrivateInstance, secrets: Secrets) => isOurRedis(instance, secrets.redisPassword),
    start: (context: StackContext, previous: PrivateInstance | undefined, secrets: Secrets) =>
      startRedis(context, previous, secrets.redisPassword),
    stop: stopRedis,
  },
} as const;

/** The URL of an instance of this checkout. */
export function instanceUrl(service: ServiceName, instance: Instance, secrets: Secrets): string {
  return handlers[service].url(instance.port, secrets);
}

/** True when a private instance runs, is ours, and answers. */
export function isOurs(service: ServiceName, instance: PrivateInstance, secrets: Secrets): Promise<boolean> {
  return handlers[service].isOurs(instance, secrets);
}

/** Starts the service's own instance of installed programs, installing them first where that is possible. */
async function startPrivate(
  context: StackContext,
  service: ServiceName,
  previous: PrivateInstance | undefined,
  secrets: Secrets,
): Promise<Instance> {
  const handler = handlers[service];
  const started = await handler.start(context, previous, secrets);
  if (started) {
    return started;
  }
  await installService(context, service);
  const afterInstalling = await handler.start(context, previous, secrets);
  if (!afterInstalling) {
    throw new Error(`${service} was installed, but its programs are not found.`);
  }
  return afterInstalling;
}

/**
 * Brings one service of this checkout up, in the way it was brought up before if there was one: its data
 * lies there. Otherwise with Docker if an engine runs, else as a private instance.
 */
export async function bringUp(
  context: StackContext,
  service: ServiceName,
  previous: Instance | undefined,
  secrets: Secrets,
): Promise<{ instance: Instance; reused: boolean }> {
  if (previous?.kind === 'private') {
    if (await handlers[service].isOurs(previous, secrets)) {
      return { instance: previous, reused: true };
    }
    return { instance: await startPrivate(context, service, previous, secrets), reused: false };
  }
  if (previous?.kind === 'docker' || (await hasDocker(context))) {
    const docker: DockerInstance | undefined = previous;
    const instance = await startContainer(context, service, docker, secrets);
    return { instance, reused: docker?.port === instance.port };
  }
  return { instance: await startPrivate(context, service, undefined, secrets), reused: false };
}

/** Stops one service of this checkout; its data stays. */
export async function bringDown(context: StackContext, service: ServiceName, instance: Instance): Promise<void> {
  if (instance.kind === 'docker') {
    await stopContainer(context, service, instance);
    return;
  }
  await handlers[service].stop(instance);
}
