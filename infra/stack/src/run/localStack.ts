import { configuredUrl } from '../backing/configured';
import { ensureRoles } from '../backing/roles';
import { type BackingServices, ensureServices } from '../backing/services';
import { type StackContext, StackError } from '../system/context';
import { choosePort, isPortFree } from '../system/ports';
import { type RunningStack, type StackOptions, startStack } from './stack';

const defaultPort = 3000;

/**
 * Chooses the port of the API: API_PORT if it is set, else 3000 or, when that is taken, another one.
 * @throws StackError when API_PORT is taken
 */
export async function chooseApiPort(context: StackContext): Promise<number> {
  const { API_PORT, API_HOST } = context.environment;
  const host = API_HOST || '127.0.0.1';
  if (API_PORT) {
    const port = Number(API_PORT);
    if (Number.isInteger(port) && port > 0 && port < 65_536 && !(await isPortFree(port, host))) {
      throw new StackError(
        `API_PORT is ${port}, which another program uses on ${host}. Stop that program, set another API_PORT, ` +
          'or remove it to have a free port chosen.',
      );
    }
    return port;
  }
  if (await isPortFree(defaultPort, host)) {
    return defaultPort;
  }
  const port = await choosePort();
  context.print(`Port ${defaultPort} is taken by another program; the API uses ${port}.`);
  return port;
}

/** Starts PostgreSQL, Redis and the services of this checkout. `stop` ends them in the other order. */
export async function startLocalStack(context: StackContext, signal: AbortSignal): Promise<RunningStack> {
  const apiPort = await chooseApiPort(context);
  const backing = await ensureServices(context);
  try {
    signal.throwIfAborted();
    const stack = await startOnFreePort(context, backing, apiPort);
    const stop = async () => {
      try {
        await stack.stop();
      } finally {
        await backing.stop();
      }
    };
    return { ...stack, stop };
  } catch (error) {
    await backing.stop();
    throw error;
  }
}

/**
 * Starts the services. Tries another port when a program, such as a second demo, has taken this one since it was
 * chosen.
 */
async function startOnFreePort(
  context: StackContext,
  { databaseUrl, redisUrl }: BackingServices,
  apiPort: number,
): Promise<RunningStack> {
  const startOn = async (port: number) =>
    startStack({
      root: context.root,
      ...(await databaseAccess(context, databaseUrl)),
      redisUrl,
      stateDir: context.stateDir,
      blobDir: context.environment.BLOB_DIR || undefined,
      apiPort: port,
      print: context.print,
    });
  try {
    return await startOn(apiPort);
  } catch (error) {
    const isTaken = error instanceof StackError && error.message.includes('EADDRINUSE');
    if (!isTaken || context.environment.API_PORT) {
      throw error;
    }
    const port = await choosePort();
    context.print(`Port ${apiPort} has been taken by another program; the API uses ${port}.`);
    return startOn(port);
  }
}

/**
 * Chooses the roles. On our own server the services have a role that may change no table, and searches one that may
 * only read. On the user's server the user decides.
 */
async function databaseAccess(
  context: StackContext,
  databaseUrl: string,
): Promise<Pick<StackOptions, 'databaseUrl' | 'environment'>> {
  if (configuredUrl(context, 'postgres') !== undefined) {
    return { databaseUrl, environment: context.environment };
  }
  const { serviceUrl, readonlyUrl } = await ensureRoles(context, { databaseUrl, isOwnServer: true });
  return {
    databaseUrl: serviceUrl,
    environment: {
      ...context.environment,
      DATABASE_MIGRATION_URL: databaseUrl,
      DATABASE_READ_URL: context.environment.DATABASE_READ_URL || readonlyUrl,
    },
  };
}
