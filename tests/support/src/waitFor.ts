/**
 * Calls `look` until it returns something other than undefined and false: every 20 ms at first, and every 100 ms after some
 * time, because many tests ask the API, and often asking takes its processor time. @returns that.
 * @throws Error that names `what` after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 120_000,
): Promise<T> {
  const begun = Date.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) {
      return found;
    }
    const waited = Date.now() - begun;
    if (waited > timeoutMs) {
      throw new Error(`Waited ${timeoutMs} ms for ${what}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.min(100, 20 + waited / 10)));
  }
}
