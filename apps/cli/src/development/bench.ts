import { compiledProgram } from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { runVisibly, withServices } from './run';

/** Adds `bench NAME [options]`. */
export function addBench(program: Command, cli: Cli): void {
  program
    .command('bench')
    .description('runs a benchmark; docs/benchmarks.md')
    .argument('<name>', 'the benchmark; "help" lists them all')
    .argument('[options...]', 'options of the benchmark')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (name: string, options: string[]) => {
      const main = compiledProgram(cli.context, 'bench/dist/main.js');
      cli.exitCode = await withServices(cli.context, (environment, signal) =>
        runVisibly(cli.context, ['--enable-source-maps', main, name, ...options], { environment, signal }),
      );
    });
}
