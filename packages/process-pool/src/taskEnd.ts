/** Why a task ended without a result of its own. */
export type TaskEnd =
  /** The task, its way to its first step, a step, or the start of its process took longer than the limit. */
  | { reason: 'taskTimedOut' | 'firstStepTimedOut' | 'stepTimedOut' | 'startTimedOut'; limitMs: number }
  /** The process held more memory than the limit. */
  | { reason: 'outOfMemory'; bytes: number }
  /** The process had done other tasks and held more memory than a used one may. A new process may do the same task. */
  | { reason: 'outgrown'; bytes: number }
  /** The process ended during the task, by its own fault. `how` continues "ended ...". */
  | { reason: 'crashed'; how: string }
  /** The process was killed, but not by the pool. The kernel does that too when memory is short. */
  | { reason: 'killed'; signal: NodeJS.Signals }
  /** The process could not be started or reached. */
  | { reason: 'unavailable'; detail: string }
  | { reason: 'poolClosed' };

const megabyte = 1024 * 1024;

/** Rejects a task that the pool or its process ended. Each user of a pool translates `end` into codes of its own. */
export class TaskEndedError extends Error {
  constructor(
    readonly end: TaskEnd,
    options?: ErrorOptions,
  ) {
    super(describe(end), options);
    this.name = 'TaskEndedError';
  }
}

function describe(end: TaskEnd): string {
  switch (end.reason) {
    case 'taskTimedOut':
      return `The task took longer than ${end.limitMs} ms.`;
    case 'firstStepTimedOut':
      return `The task did not begin its first step within ${end.limitMs} ms.`;
    case 'stepTimedOut':
      return `A step of the task took longer than ${end.limitMs} ms.`;
    case 'startTimedOut':
      return `The process did not start within ${end.limitMs} ms.`;
    case 'outOfMemory':
      return `The process took too much memory (${Math.round(end.bytes / megabyte)} MB).`;
    case 'outgrown':
      return `The used process took too much memory (${Math.round(end.bytes / megabyte)} MB).`;
    case 'crashed':
      return `The process ended ${end.how}.`;
    case 'killed':
      return `The process was killed by ${end.signal}.`;
    case 'unavailable':
      return `The process cannot be used: ${end.detail}.`;
    case 'poolClosed':
      return 'The process pool is closed.';
  }
}
