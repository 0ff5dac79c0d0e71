const pending = new Set<() => Promise<void>>();
let interrupted = false;

/** True once an interrupt has come: what fails after it fails because of it. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** Runs `work`, and `cleanUp` after it: when it fails as well, and when the benchmark is interrupted. */
export async function withCleanUp<T>(work: () => Promise<T>, cleanUp: () => Promise<void>): Promise<T> {
  pending.add(cleanUp);
  try {
    return await work();
  } finally {
    // An interrupt may be at it already.
    if (pending.delete(cleanUp)) {
      await cleanUp();
    }
  }
}

/** Cleans up what is in use, the newest first, while the work may still be going on. */
export async function cleanUpAll(): Promise<void> {
  const cleanUps = [...pending].reverse();
  pending.clear();
  for (const cleanUp of cleanUps) {
    await cleanUp().catch((error: Error) => console.error(error.message));
  }
}

/** Has an interrupt (Ctrl-C, or SIGTERM) clean up before the process ends. It may come more than once. */
export function cleanUpOnInterrupt(): void {
  const onSignal = () => {
    if (!interrupted) {
      interrupted = true;
      void cleanUpAll().then(() => process.exit(130));
    }
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
}
