import { type StackContext, StackError } from '../context';
import { readFrom } from '../files';
import { untilAborted, withInterrupt } from '../processes/interrupt';
import { readableLine } from '../processes/logTail';
import type { SupervisedProcess } from '../processes/processes';
import { describeAccess, type LocalStack, startLocalStack } from '../services/localStack';
import { findRunningStack, noteStack } from '../services/runningStack';
import { type ProgramName, programNames } from '../services/stack';
import { UsageError } from './usage';

/** A program that ends this often within the window is not started again. */
const maxRestarts = 5;
const restartWindowMs = 60_000;

/** Starts a program again whenever it ends unasked; rejects when that happens too often. */
async function keepRunning(
  context: StackContext,
  stack: LocalStack,
  first: SupervisedProcess,
  signal: AbortSignal,
): Promise<never> {
  const program: ProgramName | undefined = programNames.find((name) => first.name.startsWith(name));
  const restarts: number[] = [];
  let current = first;
  for (;;) {
    const { how, expected } = await current.ended;
    if (signal.aborted || expected || program === undefined) {
      // Stopping in order; the signal ends the wait for us.
      return new Promise<never>(() => undefined);
    }
    const lines = readFrom(current.log, 0).trimEnd().split('\n').slice(-10);
    context.say(
      `The ${current.name} ${how}. Its last log lines:\n${lines.map((line) => `  | ${readableLine(line)}`).join('\n')}`,
    );
    const now = Date.now();
    restarts.push(now);
    if (restarts.filter((at) => now - at < restartWindowMs).length > maxRestarts) {
      throw new StackError(`The ${current.name} ended ${maxRestarts} times within a minute. Its log is ${current.log}`);
    }
    context.say(`Starting the ${program} again ...`);
    current = await stack.add(program);
  }
}

/** `start`: brings everything up and keeps it up until it is told to stop. */
export async function startCommand(context: StackContext, args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    throw new UsageError(`start takes no arguments: ${args.join(' ')}`);
  }
  const running = await findRunningStack(context);
  if (running) {
    throw new StackError(`The stack of this checkout is running already: ${running.apiUrl}`);
  }
  await withInterrupt(context.say, async (signal) => {
    const stack = await startLocalStack(context, signal);
    const forget = noteStack(context, stack.apiUrl);
    try {
      context.say(`\nMillrace is running; Ctrl-C stops it.\n${describeAccess(context, stack.apiUrl)}`);
      const key = context.environment.MILLRACE_API_KEY
        ? '"$MILLRACE_API_KEY"'
        : `"$(cat '${context.stateDir}/api-key')"`;
      context.say(
        `\nFor example:\n  KEY=${key}\n  curl -H "Authorization: Bearer $KEY" -F file=@samples/annual-report.pdf ` +
          `${stack.apiUrl}/api/v1/documents\n  curl -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' ` +
          `-d '{"query":"revenue in the third quarter"}' ${stack.apiUrl}/api/v1/search\n`,
      );
      const watched = stack.processes.map((process) => keepRunning(context, stack, process, signal));
      await untilAborted(Promise.race(watched), signal).catch((error: unknown) => {
        // Told to stop: that is how `start` ends well.
        if (!signal.aborted) {
          throw error;
        }
      });
    } finally {
      forget();
      await stack.stop();
    }
    context.say('Stopped; the data stays.');
  });
  return 0;
}
