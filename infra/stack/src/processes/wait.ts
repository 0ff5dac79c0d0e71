import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again until the answer is not undefined or the time is up; then returns undefined. */
export async function poll<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  options: { timeoutMs: number; everyMs?: number },
): Promise<T | undefined> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) {
      return answer;
    }
    if (Date.now() >= deadline) {
      return undefined;
    }
    await sleep(options.everyMs ?? 100);
  }
}

/** The message of anything thrown. Connection errors of Node hide theirs in `errors`. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return messageOf(error.errors[0]);
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
