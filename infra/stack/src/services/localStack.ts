import { type StackContext, StackError } from '../context';
import { ensureRoles } from '../database/roles';
import { choosePort } from '../processes/ports';
import { chooseApiPort } from './apiPort';
import { ensureServices } from './backingServices';
import { givenUrl } from './givenServices';
import { type RunningStack, type StackOptions, startStack } from './stack';

/** This checkout's own stack on its own services. */
export interface LocalStack extends RunningStack {
  readonly databaseUrl: string;
  readonly redisUrl: string;
}

/** Brings everything up for this checkout. `stop` ends the processes, then the services that were started for them. */
export async function startLocalStack(context: StackContext, signal: AbortSignal): Promise<LocalStack> {
  const apiPort = await chooseApiPort(context);
  const services = await ensureServices(context);
  try {
    signal.throwIfAborted();
    const startOn = async (port: number) =>
      startStack({
        root: context.root,
        ...(await databaseAccess(context, services.databaseUrl)),
        redisUrl: services.redisUrl,
        stateDir: context.stateDir,
        blobDir: context.environment.BLOB_DIR || undefined,
        apiPort: port,
        say: context.say,
      });
    const stack = await startOn(apiPort).catch(async (error: unknown) => {
      const isTaken = error instanceof StackError && error.message.includes('EADDRINUSE');
      if (!isTaken || context.environment.API_PORT) {
        throw error;
      }
      // Somebody, such as a second demo, was quicker than we were between the look and the start.
      const port = await choosePort();
      context.say(`Port ${apiPort} was taken meanwhile; the API uses ${port}.`);
      return startOn(port);
    });
    const stop = async () => {
      try {
        await stack.stop();
      } finally {
        await services.stop();
      }
    };
    return { ...stack, databaseUrl: services.databaseUrl, redisUrl: services.redisUrl, stop };
  } catch (error) {
    await services.stop();
    throw error;
  }
}

/**
 * On a server of our own the services have a role that may change no table, and searches one that may only read; on the
 * user's, the user decides.
 */
async function databaseAccess(
  context: StackContext,
  databaseUrl: string,
): Promise<Pick<StackOptions, 'databaseUrl' | 'environment'>> {
  if (givenUrl(context, 'postgres') !== undefined) {
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

/** What a user can open, and with which key. */
export function describeAccess(context: StackContext, apiUrl: string): string {
  const keyPlace = context.environment.MILLRACE_API_KEY ? 'MILLRACE_API_KEY' : `${context.stateDir}/api-key`;
  return [
    `  API             ${apiUrl}/api/v1`,
    `  API reference   ${apiUrl}/docs`,
    `  Queues          ${apiUrl}/admin/queues`,
    `  The API key is in ${keyPlace}; in a browser give it as the password, with any user name.`,
  ].join('\n');
}
