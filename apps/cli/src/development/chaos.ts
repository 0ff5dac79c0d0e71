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
import { positiveNumber, wholeNumber } from '../options';
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
    .option('--seed <n>', 'repeats the plan of an earlier run (by default a random one)', wholeNumber(0, 0x7fffffff))
    .option('--minutes <n>', 'how long faults come (2 by default)', positiveNumber)
    .option(
      '--documents <n>',
      'how many documents are ingested (by default 15 for each minute, at least 30)',
      wholeNumber(6, 999_999),
    )
    .option('--keep', 'keeps the logs even when nothing is wrong')
    .action(async (options: Record<string, number | true>) => {
      const main = compiledProgram(context, 'tests/chaos/dist/main.js');
      await ensurePrograms(context);
      const args = Object.entries(options).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, String(value)],
      );
      cli.exitCode = await withInterrupt(context.print, (signal) =>
        runVisibly(context, ['--enable-source-maps', main, ...args], { environment: context.environment, signal }),
      );
    });
}

/** The run starts and kills its own servers. As root on Debian or Ubuntu, it installs missing programs. */
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
