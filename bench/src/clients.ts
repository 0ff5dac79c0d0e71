/**
 * Runs the tasks in order, with `clients` of them at once. No task begins after `until` (of performance.now()).
 * @returns how long each task took, in milliseconds.
 */
export async function byClients(
  clients: number,
  tasks: readonly (() => Promise<unknown>)[],
  until = Number.POSITIVE_INFINITY,
): Promise<number[]> {
  const times: number[] = [];
  const waiting = tasks.values();
  const client = async () => {
    for (const task of waiting) {
      const start = performance.now();
      if (start >= until) {
        return;
      }
      await task();
      times.push(performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return times;
}
