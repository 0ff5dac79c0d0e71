import { join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { choosePort } from '../processes/ports';
import { capture, run } from '../processes/run';
import type { Secrets } from './secrets';
import type { DockerInstance, ServiceName } from './serviceState';

/** True when a Docker engine answers and has the compose plugin. */
export async function hasDocker(context: StackContext): Promise<boolean> {
  const env = { ...context.environment };
  const [engine, compose] = await Promise.all([
    capture('docker', ['info', '--format', '{{.ServerVersion}}'], { env, timeoutMs: 10_000 }),
    capture('docker', ['compose', 'version'], { env, timeoutMs: 10_000 }),
  ]);
  return engine.code === 0 && engine.stdout.trim() !== '' && compose.code === 0;
}

function composeArguments(context: StackContext, project: string): string[] {
  return ['compose', '--project-name', project, '--file', join(context.root, 'docker-compose.yml')];
}

function composeEnvironment(
  context: StackContext,
  secrets: Secrets,
  service: ServiceName,
  port: number,
): Record<string, string | undefined> {
  return {
    ...context.environment,
    POSTGRES_PASSWORD: secrets.postgresPassword,
    REDIS_PASSWORD: secrets.redisPassword,
    [service === 'postgres' ? 'POSTGRES_PORT' : 'REDIS_PORT']: String(port),
  };
}

/** Starts one service of docker-compose.yml in this checkout's own project and waits until it is healthy. */
export async function startContainer(
  context: StackContext,
  service: ServiceName,
  previous: DockerInstance | undefined,
  secrets: Secrets,
): Promise<DockerInstance> {
  const project = previous?.project ?? `millrace-${context.id}`;
  const running = await runningPort(context, project, service);
  // Asking for the port it has already leaves a running container alone.
  const port = running ?? (await choosePort(previous?.port));
  if (running === undefined) {
    context.say(`Starting ${service} with Docker (the first time its image is fetched, which can take minutes) ...`);
  }
  await run('docker', [...composeArguments(context, project), 'up', '--detach', '--wait', '--no-deps', service], {
    log: join(context.logDir, 'docker.log'),
    env: composeEnvironment(context, secrets, service, port),
    failure: `Docker could not start ${service}.`,
  });
  return { kind: 'docker', port, project };
}

/** The port of a running container; undefined when it does not run. */
async function runningPort(context: StackContext, project: string, service: ServiceName): Promise<number | undefined> {
  const inside = service === 'postgres' ? '5432' : '6379';
  const answer = await capture('docker', [...composeArguments(context, project), 'port', service, inside], {
    env: { ...context.environment },
  });
  const port = Number(/:(\d+)\s*$/.exec(answer.stdout)?.[1]);
  return answer.code === 0 && port > 0 ? port : undefined;
}

/** Stops one container; its volume stays. */
export async function stopContainer(
  context: StackContext,
  service: ServiceName,
  instance: DockerInstance,
): Promise<void> {
  await run('docker', [...composeArguments(context, instance.project), 'stop', service], {
    log: join(context.logDir, 'docker.log'),
    env: { ...context.environment },
    failure: `Docker could not stop ${service}.`,
  });
}

/** Removes this checkout's containers together with their volumes. */
export async function removeContainers(context: StackContext, project: string): Promise<void> {
  if (!(await hasDocker(context))) {
    throw new StackError(
      'The data is in Docker volumes, and no Docker engine answers. Start it and run the command again.',
    );
  }
  await run('docker', [...composeArguments(context, project), 'down', '--volumes', '--remove-orphans'], {
    log: join(context.logDir, 'docker.log'),
    env: { ...context.environment },
    failure: 'Docker could not remove the containers.',
  });
}
