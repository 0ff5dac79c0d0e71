import { residentBytes } from './residentBytes';
import type { TaskEnd } from './taskEnd';

/** The limits of a task. Waiting for a free process and starting one do not count as the task's time. */
export interface TaskLimits {
  /** Longest a task may run, in milliseconds. */
  timeoutMs: number;
  /** Longest a task may run until it begins its first step, in milliseconds. Default: `timeoutMs`. */
  firstStepMs?: number | undefined;
  /** Longest a step without a limit of its own may take, in milliseconds. Default: `timeoutMs`. */
  stepMs?: number | undefined;
  /** Longest a process may take to start, in milliseconds. Default: two minutes. */
  startMs?: number | undefined;
  /** Resident memory of the process during a task, in bytes (on Linux only). Default: 1 GiB. */
  maxRssBytes?: number | undefined;
}

const defaultStartMs = 120_000;
const defaultMaxRssBytes = 1024 ** 3;
const memoryCheckMs = 250;

/** Watches the limits of one task, from when a process gets it until `stop`. */
export class LimitWatch {
  private readonly memoryChecks: NodeJS.Timeout;
  /** For the start of the process, then for the task as a whole. */
  private taskDeadline: NodeJS.Timeout;
  /** For the way to the first step, then for one step after the other. */
  private stepDeadline: NodeJS.Timeout | undefined;
  private isStopped = false;

  /**
   * @param usedMaxRssBytes The resident memory of a process that has done other tasks before; null for a new process.
   * @param onExceeded is called when a limit is exceeded; it must end the process.
   */
  constructor(
    private readonly limits: TaskLimits,
    private readonly pid: number | undefined,
    private readonly usedMaxRssBytes: number | null,
    private readonly onExceeded: (end: TaskEnd) => void,
  ) {
    const { startMs = defaultStartMs } = limits;
    this.taskDeadline = setTimeout(() => onExceeded({ reason: 'startTimedOut', limitMs: startMs }), startMs);
    this.memoryChecks = setInterval(() => void this.checkMemory(), memoryCheckMs);
  }

  /** The process has started: the task's own time begins. */
  processStarted(): void {
    if (this.isStopped) {
      return;
    }
    const { timeoutMs, firstStepMs } = this.limits;
    clearTimeout(this.taskDeadline);
    this.taskDeadline = setTimeout(() => this.onExceeded({ reason: 'taskTimedOut', limitMs: timeoutMs }), timeoutMs);
    if (firstStepMs !== undefined) {
      this.limitStep('firstStepTimedOut', firstStepMs);
    }
  }

  /** The task begins a step, which ends the one before. */
  beginStep(limitMs = this.limits.stepMs ?? this.limits.timeoutMs): void {
    this.limitStep('stepTimedOut', limitMs);
  }

  stop(): void {
    this.isStopped = true;
    clearTimeout(this.taskDeadline);
    clearTimeout(this.stepDeadline);
    clearInterval(this.memoryChecks);
  }

  private limitStep(reason: 'firstStepTimedOut' | 'stepTimedOut', limitMs: number): void {
    clearTimeout(this.stepDeadline);
    const deadline = setTimeout(() => {
      // This process may have been busy while the message of the next step waited. That message is read first.
      setImmediate(() => {
        if (!this.isStopped && this.stepDeadline === deadline) {
          this.onExceeded({ reason, limitMs });
        }
      });
    }, limitMs);
    this.stepDeadline = deadline;
  }

  private async checkMemory(): Promise<void> {
    const { maxRssBytes = defaultMaxRssBytes } = this.limits;
    const bytes = this.pid === undefined ? null : await residentBytes(this.pid);
    if (this.isStopped || bytes === null) {
      return;
    }
    if (this.usedMaxRssBytes !== null && bytes > this.usedMaxRssBytes) {
      this.onExceeded({ reason: 'outgrown', bytes });
    } else if (bytes > maxRssBytes) {
      this.onExceeded({ reason: 'outOfMemory', bytes });
    }
  }
}
