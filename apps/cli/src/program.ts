import type { StackContext } from '@millrace/stack';
import { Command } from 'commander';
import type { Cli } from './cli';
import { addDb } from './commands/db';
import { addDemo } from './commands/demo';
import { addDoctor } from './commands/doctor';
import { addReEmbed } from './commands/reEmbed';
import { addServices } from './commands/services';
import { addStart } from './commands/start';
import { addUsers } from './commands/users';
import { addIndex } from './commands/vectorIndex';
import { addBench } from './development/bench';
import { addChaos } from './development/chaos';
import { addTest } from './development/test';
import { exitCodes } from './errors';

const notes = `
In a checkout: npm run millrace -- COMMAND. Most commands are npm scripts of their own: npm start, npm run demo.
Variables are read from the environment and from a file named .env. The file .env.example explains each one.`;

/**
 * Runs one command line.
 * @returns the exit code
 * @throws CommanderError when the arguments cannot be used or the help was asked for; it has been printed then
 */
export async function runCommand(context: StackContext, args: readonly string[]): Promise<number> {
  const cli: Cli = { context, exitCode: exitCodes.success };
  const program = new Command('millrace')
    .description('Turns documents into searchable vectors in PostgreSQL.')
    .exitOverride()
    .showHelpAfterError()
    .enablePositionalOptions()
    .addHelpText('after', notes);
  for (const add of [addDemo, addStart, addServices, addDoctor, addDb, addIndex, addReEmbed, addUsers]) {
    add(program, cli);
  }
  program.commandsGroup('For developers of this repository:');
  for (const add of [addBench, addChaos, addTest]) {
    add(program, cli);
  }
  await program.parseAsync(args, { from: 'user' });
  return cli.exitCode;
}
