import { join } from 'node:path';
import { installForTests } from '../apt/install';
import type { StackContext } from '../context';
import { withInterrupt } from '../processes/interrupt';
import { ensureServices } from '../services/backingServices';
import { ensureStaticTable, staticTableFile } from '../services/staticTable';
import { runVisibly } from './bench';

interface Step {
  name: string;
  /** A file below node_modules. */
  program: string;
  args: readonly string[];
}

/** `test [jest arguments]`: lint, type check and tests. Every step runs; the first failure's code is returned. */
export async function testCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const steps: Step[] = [
    {
      name: 'lint',
      program: '@biomejs/biome/bin/biome',
      args: ['ci', ...(process.stdout.isTTY ? [] : ['--colors=off']), '.'],
    },
    { name: 'type check', program: 'typescript/bin/tsc', args: ['-b'] },
    // A part of the tests says nothing about how much of the code all of them reach.
    { name: 'tests', program: 'jest/bin/jest.js', args: args.length > 0 ? args : ['--coverage'] },
  ];
  return withInterrupt(context.say, async (signal) => {
    await installForTests(context);
    const services = await ensureServices(context);
    const results: { name: string; code: number; seconds: number }[] = [];
    try {
      await ensureStaticTable(context);
      const env = {
        ...context.environment,
        DATABASE_URL: services.databaseUrl,
        REDIS_URL: services.redisUrl,
        STATIC_EMBEDDING_FILE: staticTableFile(context),
      };
      for (const step of steps) {
        signal.throwIfAborted();
        context.say(`\n${step.name}: ${step.program.split('/').at(-1)} ${step.args.join(' ')}`);
        const startedAt = Date.now();
        const program = join(context.root, 'node_modules', step.program);
        const code = await runVisibly(process.execPath, [program, ...step.args], { cwd: context.root, env, signal });
        results.push({ name: step.name, code, seconds: (Date.now() - startedAt) / 1000 });
      }
    } finally {
      await services.stop();
    }
    context.say('');
    for (const { name, code, seconds } of results) {
      context.say(`${code === 0 ? 'passed' : 'FAILED'}  ${name} (${seconds.toFixed(1)} s)`);
    }
    return results.find((result) => result.code !== 0)?.code ?? 0;
  });
}
