import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { canInstall, inspectSystem } from '../apt/apt';
import { installService } from '../apt/install';
import { type StackContext, StackError } from '../context';
import { findPostgres } from '../postgres/binaries';
import { withInterrupt } from '../processes/interrupt';
import { findRedis } from '../redis/redis';
import { describeMissingServers } from '../services/privateServers';
import { runVisibly } from './bench';

/** The run brings its own servers, so that it can kill them; as root on Debian or Ubuntu what is missing is installed. */
async function ensurePrograms(context: StackContext): Promise<void> {
  const path = context.environment.PATH;
  const missing = await describeMissingServers(path);
  if (missing === undefined) {
    return;
  }
  if (!canInstall(inspectSystem())) {
    throw new StackError(missing);
  }
  if (!(await findPostgres(path, undefined))?.hasVector) {
    await installService(context, 'postgres');
  }
  if (!findRedis(path)) {
    await installService(context, 'redis');
  }
}

/** `chaos [arguments]`: runs the suite that breaks everything while documents are ingested, and returns its exit code. */
export async function chaosCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const program = join(context.root, 'tests/chaos/dist/main.js');
  if (!existsSync(program)) {
    throw new StackError(`${program} is missing; the build did not finish.`);
  }
  await ensurePrograms(context);
  return withInterrupt(context.say, (signal) =>
    runVisibly(process.execPath, ['--enable-source-maps', program, ...args], {
      cwd: context.root,
      env: { ...context.environment },
      signal,
    }),
  );
}
