/**
 * Calls `look` every 20 ms until it returns something other than undefined and false. @returns that.
 * @throws Error that names `what` after `timeoutMs`.
 */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 120_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) {
      return found;
    }
    if (Date.now() > deadline) {
      throw new Error(`Waited ${timeoutMs} ms for ${what}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
