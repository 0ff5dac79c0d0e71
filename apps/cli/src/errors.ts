import { ConfigError } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import { Interrupted, StackError } from '@millrace/stack';
import { type Command, CommanderError } from 'commander';

/** The exit codes. A command that a signal ended has 128 plus the number of the signal, as shells have it. */
export const exitCodes = { success: 0, failure: 1, usage: 2 } as const;

/** Ends a command whose arguments cannot be used: prints the message and the help of the command. */
export function failUsage(command: Command, message: string): never {
  command.error(`error: ${message}`);
}

/** Prints an error for people. @returns the exit code */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    // commander has printed the message and the help already.
    return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  }
  if (error instanceof Interrupted) {
    return error.exitCode;
  }
  const isExpected = error instanceof StackError || error instanceof ConfigError || error instanceof MillraceError;
  console.error(isExpected ? error.message : error);
  return exitCodes.failure;
}
