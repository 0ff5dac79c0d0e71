/** What was being done has been broken off by Ctrl-C or a request to end; the exit code is 130. */
export class InterruptedError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InterruptedError';
  }
}

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort, and waits until it has ended, so that nothing goes on unseen. Further
 * signals change nothing: a terminal and npm both send the first.
 * @param message what to say of what was broken off
 * @throws InterruptedError, the signal's reason, where `work` throws that; and whatever else it throws
 */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>, message: string): Promise<T> {
  const interrupted = new AbortController();
  const interrupt = () => interrupted.abort(new InterruptedError(message));
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}
