import { killAllProcesses } from './processes';

/**
 * One Ctrl-C arrives twice when npm runs us: from the terminal, and passed on by npm. A signal this soon after
 * the first is taken for the same one.
 */
const sameInterruptMs = 1_000;
const exitCodes: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** The user asked to stop; `exitCode` is what a shell expects of a program that a signal ended. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals) {
    super(`Interrupted by ${signal}.`);
    this.name = 'Interrupted';
    this.exitCode = exitCodes[signal] ?? 1;
  }
}

/**
 * Runs `work` with a signal that is aborted by SIGINT, SIGTERM or SIGHUP, so that it can stop in order; a second
 * one kills the service processes and ends this program at once.
 */
export async function withInterrupt<T>(
  say: (line: string) => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      firstAt = Date.now();
      say('\nStopping (once more to force it) ...');
      controller.abort(new Interrupted(signal));
    } else if (Date.now() - firstAt > sameInterruptMs) {
      killAllProcesses();
      process.exit(exitCodes[signal] ?? 1);
    }
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) {
    process.on(signal, onSignal);
  }
  try {
    return await work(controller.signal);
  } finally {
    for (const signal of signals) {
      process.off(signal, onSignal);
    }
  }
}

/** Settles as the promise does, or rejects as soon as the signal is aborted. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
