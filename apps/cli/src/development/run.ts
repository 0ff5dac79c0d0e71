import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { ensureServices, ensureStaticTable, type StackContext, staticTableFile, withInterrupt } from '@millrace/stack';

type Environment = Record<string, string | undefined>;

/** Runs `work` with PostgreSQL and Redis running, and with an environment that names them. */
export function withServices<T>(
  context: StackContext,
  work: (environment: Environment, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withInterrupt(context.print, async (signal) => {
    const services = await ensureServices(context);
    try {
      await ensureStaticTable(context);
      const environment = {
        ...context.environment,
        DATABASE_URL: services.databaseUrl,
        REDIS_URL: services.redisUrl,
        STATIC_EMBEDDING_FILE: staticTableFile(context),
      };
      return await work(environment, signal);
    } finally {
      await services.stop();
    }
  });
}

/**
 * Runs a Node program on our terminal to its end and returns its exit code. An interrupt is passed on to it. The
 * terminal may send it one too.
 * @throws Interrupted when the user asked to stop
 */
export async function runVisibly(
  { root }: StackContext,
  args: readonly string[],
  { environment, signal }: { environment: Environment; signal: AbortSignal },
): Promise<number> {
  const child = spawn(process.execPath, args, { cwd: root, env: environment, stdio: 'inherit' });
  const onAbort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const [code] = await once(child, 'exit');
    signal.throwIfAborted();
    return code ?? 1;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
