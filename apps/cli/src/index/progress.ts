import { setTimeout } from 'node:timers/promises';
import type { BuildProgress } from '@millrace/database';
import { describeProgress } from './describe';

const everyMs = 2_000;

/** Waits for `work`, and says on standard error how far it has come whenever that has changed. */
export async function showProgress<T>(work: Promise<T>, ask: () => Promise<BuildProgress | null>): Promise<T> {
  const ended = new AbortController();
  const watch = async () => {
    let said = '';
    for (;;) {
      await setTimeout(everyMs, undefined, { signal: ended.signal });
      const progress = await ask();
      const line = progress === null ? '' : describeProgress(progress);
      if (line !== '' && line !== said && !ended.signal.aborted) {
        console.error(line);
        said = line;
      }
    }
  };
  // Not knowing how far it has come is no reason to break it off; and the end of the wait is no error.
  const watching = watch().catch(() => undefined);
  try {
    return await work;
  } finally {
    ended.abort();
    await watching;
  }
}
