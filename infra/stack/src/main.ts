import { join } from 'node:path';
import { ConfigError } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import { benchCommand } from './commands/bench';
import { chaosCommand } from './commands/chaos';
import { cliCommand } from './commands/cli';
import { dbCommand } from './commands/db';
import { demoCommand } from './commands/demo';
import { servicesCommand } from './commands/services';
import { startCommand } from './commands/start';
import { testCommand } from './commands/test';
import { UsageError, usage } from './commands/usage';
import { createContext, type StackContext, StackError } from './context';
import { readEnvironment } from './environment';
import { Interrupted } from './processes/interrupt';

const commands: Record<string, (context: StackContext, args: readonly string[]) => Promise<number>> = {
  demo: demoCommand,
  start: startCommand,
  services: servicesCommand,
  db: dbCommand,
  bench: benchCommand,
  chaos: chaosCommand,
  millrace: cliCommand,
  test: testCommand,
};

/** Says what went wrong, and returns the exit code for it. */
function report(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage}\n`);
    return 2;
  }
  if (error instanceof Interrupted) {
    return error.exitCode;
  }
  const isExpected = error instanceof StackError || error instanceof ConfigError || error instanceof MillraceError;
  const text = isExpected ? error.message : error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\n${text}\n`);
  return 1;
}

/** Runs one command and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const root = join(__dirname, '../../..');
  const [name, ...rest] = args;
  try {
    if (name === 'help' || name === '--help') {
      process.stdout.write(`${usage}\n`);
      return 0;
    }
    const command = name === undefined || !Object.hasOwn(commands, name) ? undefined : commands[name];
    if (!command) {
      throw new UsageError(name === undefined ? 'No command was given.' : `Unknown command: ${name}`);
    }
    return await command(createContext({ root, environment: readEnvironment(root, process.env) }), rest);
  } catch (error) {
    return report(error);
  }
}

if (require.main === module) {
  void main(process.argv.slice(2)).then((code) => {
    process.exitCode = code;
  });
}
