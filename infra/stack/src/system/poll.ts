import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `ask` until it returns something, and returns that. Returns undefined when the time is up. */
export async function poll<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  options: { timeoutMs: number; everyMs?: number },
): Promise<T | undefined> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || Date.now() >= deadline) {
      return answer;
    }
    await sleep(options.everyMs ?? 100);
  }
}
