import {
  canInstall,
  compiledProgram,
  describeMissingServers,
  findPostgres,
  findRedis,
  inspectSystem,
  installServer,
  type StackContext,
  StackError,
  withInterrupt,
} from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { runVisibly } from './run';

/** Adds `chaos [options]`. */
export function addChaos(program: Command, cli: Cli): void {
  const { context } = cli;
  program
    .command('chaos')
    .description(
      'ingests documents while processes and servers of its own are killed, and checks that nothing is lost, ' +
        'doubled or left behind',
    )
    .option('--seed <n>', 'the chance of an earlier run again')
    .option('--minutes <n>', 'how long faults come (2 by default)')
    .option('--documents <n>', 'how many documents are ingested (by default 15 for each minute, at least 30)')
    .option('--keep', 'keeps the logs even when nothing is wrong')
    .action(async (_options, command: Command) => {
      const main = compiledProgram(context, 'tests/chaos/dist/main.js');
      await ensurePrograms(context);
      const options = Object.entries(command.opts()).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, String(value)],
      );
      cli.exitCode = await withInterrupt(context.say, (signal) =>
        runVisibly(context, ['--enable-source-maps', main, ...options], { environment: context.environment, signal }),
      );
    });
}

/** The run kills servers of its own. As root on Debian or Ubuntu, what is missing is installed. */
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
    await installServer(context, 'postgres');
  }
  if (!findRedis(path)) {
    await installServer(context, 'redis');
  }
}
