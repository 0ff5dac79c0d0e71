import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type StackContext, StackError } from '../context';
import { withInterrupt } from '../processes/interrupt';
import { ensureServices } from '../services/backingServices';
import { runVisibly } from './bench';

/** `millrace COMMAND [arguments]`: runs the command line program with the services up, and returns its exit code. */
export async function cliCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const program = join(context.root, 'apps/cli/dist/main.js');
  if (!existsSync(program)) {
    throw new StackError(`${program} is missing; the build did not finish.`);
  }
  return withInterrupt(context.say, async (signal) => {
    const services = await ensureServices(context);
    try {
      return await runVisibly(process.execPath, ['--enable-source-maps', program, ...args], {
        cwd: context.root,
        env: { ...context.environment, DATABASE_URL: services.databaseUrl, REDIS_URL: services.redisUrl },
        signal,
      });
    } finally {
      await services.stop();
    }
  });
}
