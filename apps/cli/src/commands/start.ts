import {
  findRunningStack,
  lastLines,
  type ProgramName,
  programNames,
  type RunningStack,
  recordStack,
  type StackContext,
  StackError,
  type SupervisedProcess,
  startLocalStack,
  untilAborted,
  withInterrupt,
} from '@millrace/stack';
import type { Command } from 'commander';
import type { Cli } from '../cli';
import { describeAccess } from './access';

/** A program that ends more often than this within the window is not started again. */
const maxRestarts = 5;
const restartWindowMs = 60_000;

/** Adds `start`. */
export function addStart(program: Command, { context }: Cli): void {
  program
    .command('start')
    .description('starts everything and keeps it running until Ctrl-C')
    .action(() => start(context));
}

async function start(context: StackContext): Promise<void> {
  const running = await findRunningStack(context);
  if (running) {
    throw new StackError(`The stack of this checkout is running already: ${running.apiUrl}`);
  }
  await withInterrupt(context.print, async (signal) => {
    const stack = await startLocalStack(context, signal);
    const removeRecord = recordStack(context, stack.apiUrl);
    try {
      context.print(`\nMillrace is running; Ctrl-C stops it.\n${describeAccess(context, stack.apiUrl)}`);
      context.print(describeExamples(context, stack.apiUrl));
      const watched = stack.processes.map((process) => keepRunning(context, stack, process, signal));
      await untilAborted(Promise.race(watched), signal).catch((error: unknown) => {
        // A stop on request is the normal end of this command.
        if (!signal.aborted) {
          throw error;
        }
      });
    } finally {
      removeRecord();
      await stack.stop();
    }
    context.print('Stopped; the data stays.');
  });
}

function describeExamples({ environment, stateDir }: StackContext, apiUrl: string): string {
  const key = environment.MILLRACE_API_KEY ? '"$MILLRACE_API_KEY"' : `"$(cat '${stateDir}/api-key')"`;
  return `
For example:
  KEY=${key}
  curl -H "Authorization: Bearer $KEY" -F file=@samples/annual-report.pdf ${apiUrl}/api/v1/documents
  curl -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \
-d '{"query":"revenue in the third quarter"}' ${apiUrl}/api/v1/search
`;
}

/**
 * Starts a program again whenever it ends without being asked to.
 * @throws StackError when that happens too often
 */
async function keepRunning(
  context: StackContext,
  stack: RunningStack,
  first: SupervisedProcess,
  signal: AbortSignal,
): Promise<never> {
  const program: ProgramName | undefined = programNames.find((name) => first.name.startsWith(name));
  const restarts: number[] = [];
  let current = first;
  for (;;) {
    const { how, expected } = await current.ended;
    if (signal.aborted || expected || program === undefined) {
      // We are stopping. The caller waits for the signal and no longer for this.
      return new Promise<never>(() => undefined);
    }
    context.print(`The ${current.name} ${how}. Its last log lines:\n${lastLines(current.log, 10)}`);
    const now = Date.now();
    restarts.push(now);
    if (restarts.filter((at) => now - at < restartWindowMs).length > maxRestarts) {
      throw new StackError(
        `The ${current.name} ended ${maxRestarts} times within a minute. Its log is ${current.log}.`,
      );
    }
    context.print(`Starting the ${program} again ...`);
    current = await stack.add(program);
  }
}
