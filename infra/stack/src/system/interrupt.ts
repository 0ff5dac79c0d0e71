/**
 * One Ctrl-C arrives twice when npm runs us: from the terminal, and from npm, which passes it on. A second signal
 * within this time counts as the same one.
 */
const sameInterruptMs = 1_000;
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type InterruptSignal = keyof typeof exitCodes;
const signals = Object.keys(exitCodes) as InterruptSignal[];

const forcedExitActions: (() => void)[] = [];

/** Has `action` called when a second signal ends this program at once. */
export function onForcedExit(action: () => void): void {
  forcedExitActions.push(action);
}

/** The user asked to stop. */
export class Interrupted extends Error {
  /** What a shell expects from a program that the signal ended. */
  readonly exitCode: number;

  constructor(signal: InterruptSignal) {
    super(`Interrupted by ${signal}.`);
    this.name = 'Interrupted';
    this.exitCode = exitCodes[signal];
  }
}

/**
 * Runs `work` with a signal that SIGINT, SIGTERM or SIGHUP aborts, so that it can stop in order. The reason of the
 * abort is an `Interrupted`. A second signal ends this program at once.
 */
export async function withInterrupt<T>(
  print: (line: string) => void,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (!controller.signal.aborted) {
      firstAt = Date.now();
      print('\nStopping (once more to force it) ...');
      controller.abort(new Interrupted(signal as InterruptSignal));
    } else if (Date.now() - firstAt > sameInterruptMs) {
      for (const action of forcedExitActions) {
        action();
      }
      process.exit(exitCodes[signal as InterruptSignal]);
    }
  };
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
