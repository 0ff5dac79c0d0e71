import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { withInterrupt } from '../processes/interrupt';
import { ensureServices } from '../services/backingServices';
import { ensureStaticTable, staticTableFile } from '../services/staticTable';
import { UsageError } from './usage';

/**
 * Runs a program on our terminal to its end and returns its exit code. An interrupt is passed on; it may get
 * one from the terminal as well.
 */
export function runVisibly(
  command: string,
  args: readonly string[],
  options: { cwd: string; env: Record<string, string | undefined>; signal: AbortSignal },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: 'inherit' });
    const onAbort = () => child.kill('SIGTERM');
    options.signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', reject);
    child.once('exit', (code) => {
      options.signal.removeEventListener('abort', onAbort);
      resolve(options.signal.aborted ? 130 : (code ?? 1));
    });
  });
}

/** `bench NAME [arguments]`: runs a benchmark with the services up, and returns its exit code. */
export async function benchCommand(context: StackContext, args: readonly string[]): Promise<number> {
  if (args.length === 0) {
    throw new UsageError('bench needs the name of a benchmark.');
  }
  const program = join(context.root, 'bench/dist/main.js');
  if (!existsSync(program)) {
    throw new StackError(`${program} is missing; the build did not finish.`);
  }
  return withInterrupt(context.say, async (signal) => {
    const services = await ensureServices(context);
    try {
      await ensureStaticTable(context);
      return await runVisibly(process.execPath, ['--enable-source-maps', program, ...args], {
        cwd: context.root,
        env: {
          ...context.environment,
          DATABASE_URL: services.databaseUrl,
          REDIS_URL: services.redisUrl,
          STATIC_EMBEDDING_FILE: staticTableFile(context),
        },
        signal,
      });
    } finally {
      await services.stop();
    }
  });
}
