import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const pending = new Set<() => Promise<void>>();
let interrupted = false;

/** Returns whether an interrupt has come. Later errors are its consequences. */
export function isInterrupted(): boolean {
  return interrupted;
}

/** Runs `work`, then `cleanUp`, also when `work` fails or the benchmark is interrupted. */
export async function withCleanUp<T>(work: () => Promise<T>, cleanUp: () => Promise<void>): Promise<T> {
  pending.add(cleanUp);
  try {
    return await work();
  } finally {
    // An interrupt may have started it already.
    if (pending.delete(cleanUp)) {
      await cleanUp();
    }
  }
}

/** Runs `work` with a temporary folder. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  return withCleanUp(
    () => work(folder),
    () => rm(folder, { recursive: true, force: true }),
  );
}

/** Runs all pending clean-ups, the newest first, while the work may still be running. */
export async function cleanUpAll(): Promise<void> {
  const cleanUps = [...pending].reverse();
  pending.clear();
  for (const cleanUp of cleanUps) {
    await cleanUp().catch((error: Error) => console.error(error.message));
  }
}

/** Makes an interrupt (Ctrl-C or SIGTERM) clean up before the process ends. The signal may come more than once. */
export function cleanUpOnInterrupt(): void {
  const onSignal = () => {
    if (!interrupted) {
      interrupted = true;
      void cleanUpAll().then(() => process.exit(130));
    }
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
}
