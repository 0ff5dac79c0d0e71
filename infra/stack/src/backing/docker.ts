import { join } from 'node:path';
import type { DockerInstance, ServiceName } from '../servers/instance';
import { type StackContext, StackError } from '../system/context';
import { choosePort } from '../system/ports';
import { capture, run } from '../system/run';
import type { Secrets } from './state';

/** True when a Docker engine answers and has the compose plugin. */
export async function hasDocker(context: StackContext): Promise<boolean> {
  const options = { env: { ...context.environment }, timeoutMs: 10_000 };
  const [engine, compose] = await Promise.all([
    capture('docker', ['info', '--format', '{{.ServerVersion}}'], options),
    capture('docker', ['compose', 'version'], options),
  ]);
  return engine.code === 0 && engine.stdout.trim() !== '' && compose.code === 0;
}

function composeArguments(context: StackContext, project: string, ...args: string[]): string[] {
  return ['compose', '--project-name', project, '--file', join(context.root, 'docker-compose.yml'), ...args];
}

/** docker-compose.yml asks for every password, also those of containers that a command does not touch. */
function composeEnvironment(context: StackContext, changes: Record<string, string> = {}): NodeJS.ProcessEnv {
  const names = ['POSTGRES_PASSWORD', 'SERVICE_PASSWORD', 'READONLY_PASSWORD', 'REDIS_PASSWORD'];
  return { ...context.environment, ...Object.fromEntries(names.map((name) => [name, 'not-used'])), ...changes };
}

async function compose(
  context: StackContext,
  options: { project: string; args: string[]; failure: string; env?: Record<string, string> },
): Promise<void> {
  await run('docker', composeArguments(context, options.project, ...options.args), {
    log: join(context.logDir, 'docker.log'),
    env: composeEnvironment(context, options.env),
    failure: options.failure,
  });
}

/** Starts one service of docker-compose.yml in this checkout's own project, and waits until it is healthy. */
export async function startContainer(
  context: StackContext,
  service: ServiceName,
  previous: DockerInstance | undefined,
  secrets: Secrets,
): Promise<DockerInstance> {
  const project = previous?.project ?? `millrace-${context.id}`;
  const running = await runningPort(context, project, service);
  // A running container stays as it is when it is asked for its own port.
  const port = running ?? (await choosePort(previous?.port));
  if (running === undefined) {
    context.print(`Starting ${service} with Docker (the first time fetches its image, which can take minutes) ...`);
  }
  await compose(context, {
    project,
    args: ['up', '--detach', '--wait', '--no-deps', service],
    env: {
      POSTGRES_PASSWORD: secrets.postgresPassword,
      REDIS_PASSWORD: secrets.redisPassword,
      [service === 'postgres' ? 'POSTGRES_PORT' : 'REDIS_PORT']: String(port),
    },
    failure: `Docker could not start ${service}.`,
  });
  return { kind: 'docker', port, project };
}

/** Returns the port of a running container, or undefined when it does not run. */
async function runningPort(context: StackContext, project: string, service: ServiceName): Promise<number | undefined> {
  const inside = service === 'postgres' ? '5432' : '6379';
  const { code, stdout } = await capture('docker', composeArguments(context, project, 'port', service, inside), {
    env: composeEnvironment(context),
  });
  const port = Number(/:(\d+)\s*$/.exec(stdout)?.[1]);
  return code === 0 && port > 0 ? port : undefined;
}

/** Stops one container. Its volume stays. */
export async function stopContainer(
  context: StackContext,
  service: ServiceName,
  instance: DockerInstance,
): Promise<void> {
  const { project } = instance;
  await compose(context, { project, args: ['stop', service], failure: `Docker could not stop ${service}.` });
}

/**
 * Removes the containers of this checkout together with their volumes.
 * @throws StackError when no Docker engine answers
 */
export async function removeContainers(context: StackContext, project: string): Promise<void> {
  if (!(await hasDocker(context))) {
    throw new StackError(
      'The data is in Docker volumes, and no Docker engine answers. Start it and run the command again.',
    );
  }
  const args = ['down', '--volumes', '--remove-orphans'];
  await compose(context, { project, args, failure: 'Docker could not remove the containers.' });
}
