import { join } from 'node:path';
import { installForTests } from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { runVisibly, withServices } from './run';

/** Adds `test [arguments of jest]`. Every step runs, and the code of the first failure is the exit code. */
export function addTest(program: Command, cli: Cli): void {
  const { context } = cli;
  program
    .command('test')
    .description('runs lint, type check and tests, with the servers that they need')
    .argument('[arguments...]', 'arguments of jest, such as the path of a test')
    .passThroughOptions()
    .allowUnknownOption()
    .action(async (jestArguments: string[]) => {
      await installForTests(context);
      const results = await withServices(context, async (environment, signal) => {
        const outcomes: { name: string; code: number; seconds: number }[] = [];
        for (const { name, file, args } of stepsFor(jestArguments)) {
          context.print(`\n${name}: ${file.split('/').at(-1)} ${args.join(' ')}`);
          const startedAt = Date.now();
          const path = join(context.root, 'node_modules', file);
          const code = await runVisibly(context, [path, ...args], { environment, signal });
          outcomes.push({ name, code, seconds: (Date.now() - startedAt) / 1000 });
        }
        return outcomes;
      });
      context.print('');
      for (const { name, code, seconds } of results) {
        context.print(`${code === 0 ? 'passed' : 'FAILED'}  ${name} (${seconds.toFixed(1)} s)`);
      }
      cli.exitCode = results.find(({ code }) => code !== 0)?.code ?? 0;
    });
}

/** Each `file` is a path below node_modules. */
function stepsFor(jestArguments: readonly string[]): { name: string; file: string; args: readonly string[] }[] {
  const colors = process.stdout.isTTY ? [] : ['--colors=off'];
  return [
    { name: 'lint', file: '@biomejs/biome/bin/biome', args: ['ci', ...colors, '.'] },
    { name: 'type check', file: 'typescript/bin/tsc', args: ['-b'] },
    // Coverage is measured only when all tests run.
    { name: 'tests', file: 'jest/bin/jest.js', args: jestArguments.length > 0 ? jestArguments : ['--coverage'] },
  ];
}
