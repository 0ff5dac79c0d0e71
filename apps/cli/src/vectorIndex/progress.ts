import { setTimeout } from 'node:timers/promises';
import type { BuildProgress } from '@millrace/database';
import { describeProgress } from './describe';

const everyMs = 2_000;

/** Waits for `work`. Prints its progress on standard error whenever that has changed. */
export async function showProgress<T>(work: Promise<T>, ask: () => Promise<BuildProgress | null>): Promise<T> {
  const ended = new AbortController();
  const watch = async () => {
    let printed = '';
    for (;;) {
      await setTimeout(everyMs, undefined, { signal: ended.signal });
      const progress = await ask();
      const line = progress === null ? '' : describeProgress(progress);
      if (line !== '' && line !== printed && !ended.signal.aborted) {
        console.error(line);
        printed = line;
      }
    }
  };
  // An unknown progress is no reason to stop the work, and the abort at its end is not an error.
  const watching = watch().catch(() => undefined);
  try {
    return await work;
  } finally {
    ended.abort();
    await watching;
  }
}
