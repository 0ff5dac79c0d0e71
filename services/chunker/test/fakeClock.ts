/**
 * Stops the timers of this process, so that a test decides when a limit is reached, however slow the machine is. Other
 * processes keep their time. Use it before the pool is made, and end it with `jest.useRealTimers()`.
 */
export function stopClock(): void {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate', 'nextTick', 'queueMicrotask', 'Date', 'hrtime'] });
}
