import { LimitWatch, type TaskLimits } from './limitWatch';
import type { TaskProtocol } from './protocol';
import { type TaskEnd, TaskEndedError } from './taskEnd';
import { type TaskOutcome, TaskProcess } from './taskProcess';

export interface ProcessPoolOptions {
  /** Path of the module that the processes run; it calls `serveTasks`. */
  entry: string;
  /** How many processes, and so tasks, run at the same time; at least 1. */
  processes: number;
  /** The limits of a task. A process that exceeds one is killed. */
  limits: TaskLimits;
  /** A process that holds more memory than this after a task is replaced, in bytes. Default: 300 MiB. */
  recycleRssBytes?: number;
  /**
   * A process that has done other tasks before and holds more memory than this during one is killed, in bytes. The task ends
   * with `outgrown`. Run it again: a new process may take as much as its task needs. Default: 400 MiB.
   */
  usedMaxRssBytes?: number;
  /** Node options for the processes. */
  execArgv?: string[];
  /** Discards the standard error of the processes. Use it where crashes are expected, whose dumps help no reader. */
  silent?: boolean;
}

export interface RunOptions<P extends TaskProtocol> {
  /** Takes the task's messages in order. It must be quick. An error that it throws ends the task. */
  onMessage?: (message: P['message']) => void;
  /** Is called when the task begins a step. It must be quick. An error that it throws ends the task. */
  onStep?: (step: P['step']) => void;
  /** Limits of this task that differ from the pool's. */
  limits?: Partial<TaskLimits>;
  /** Ends the task, and its process if it has one; the promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

interface Task<P extends TaskProtocol> {
  request: P['request'];
  options: RunOptions<P>;
  resolve(result: P['result']): void;
  reject(error: unknown): void;
  /** Removes the abort listener of a task that waits. */
  stopListening(): void;
}

const defaultRecycleRssBytes = 300 * 1024 ** 2;
const defaultUsedMaxRssBytes = 400 * 1024 ** 2;

/**
 * Runs tasks in child processes. A task that crashes, hangs or takes too much memory ends only itself. Processes are
 * started when there is work, or earlier by `warmUp`; they are kept for the next task and end when this process does.
 */
export class ProcessPool<P extends TaskProtocol> {
  private readonly idle: TaskProcess<P>[] = [];
  private readonly processes = new Set<TaskProcess<P>>();
  private readonly waiting: Task<P>[] = [];
  private closing: Promise<void> | null = null;

  constructor(private readonly options: ProcessPoolOptions) {
    if (!Number.isInteger(options.processes) || options.processes < 1) {
      throw new RangeError(`A pool needs at least one process, not ${options.processes}.`);
    }
  }

  /** The limits of a task. */
  get limits(): TaskLimits {
    return this.options.limits;
  }

  /** The ids of the processes that run now. */
  get pids(): number[] {
    return [...this.processes].map((each) => each.pid).filter((pid) => pid !== undefined);
  }

  /** Starts all processes now, so that the first tasks do not wait for them. */
  warmUp(): void {
    while (this.closing === null && this.processes.size < this.options.processes) {
      this.idle.push(this.addProcess());
    }
  }

  /**
   * Runs one task and gives its result.
   * @throws TaskEndedError when the pool or its process ended the task; MillraceError with the code of what the task threw;
   * what `onMessage` or `onStep` threw; the signal's reason when the task was aborted.
   */
  run(request: P['request'], options: RunOptions<P> = {}): Promise<P['result']> {
    return new Promise((resolve, reject) => {
      this.enqueue({ request, options, resolve, reject, stopListening: () => undefined });
      this.startWaiting();
    });
  }

  /** Ends all processes and rejects unfinished tasks; resolves when no process is left. Callers share one closing. */
  close(): Promise<void> {
    this.closing ??= this.endAll();
    return this.closing;
  }

  private async endAll(): Promise<void> {
    for (const task of this.waiting.splice(0)) {
      task.stopListening();
      task.reject(closedError());
    }
    const processes = [...this.processes];
    for (const each of processes) {
      each.kill(closedError());
    }
    await Promise.all(processes.map((each) => each.gone()));
  }

  /** Lets the task wait for a process. An aborted task leaves the queue. */
  private enqueue(task: Task<P>): void {
    const { signal } = task.options;
    if (this.closing !== null) {
      task.reject(closedError());
      return;
    }
    if (signal?.aborted === true) {
      task.reject(signal.reason);
      return;
    }
    const leaveQueue = () => {
      this.waiting.splice(this.waiting.indexOf(task), 1);
      task.reject(signal?.reason);
    };
    signal?.addEventListener('abort', leaveQueue, { once: true });
    task.stopListening = () => signal?.removeEventListener('abort', leaveQueue);
    this.waiting.push(task);
  }

  private startWaiting(): void {
    while (this.waiting.length > 0 && this.closing === null) {
      const free = this.freeProcess();
      if (free === null) {
        return;
      }
      const task = this.waiting.shift();
      if (task !== undefined) {
        this.start(task, free);
      }
    }
  }

  /** An idle process, otherwise a new one, otherwise null when all are busy. */
  private freeProcess(): TaskProcess<P> | null {
    for (let free = this.idle.pop(); free !== undefined; free = this.idle.pop()) {
      if (free.isAlive) {
        return free;
      }
    }
    const alive = [...this.processes].filter((each) => each.isAlive).length;
    return alive < this.options.processes ? this.addProcess() : null;
  }

  private addProcess(): TaskProcess<P> {
    const { entry, execArgv = [], silent = false } = this.options;
    const added = new TaskProcess<P>({ entry, execArgv, silent });
    this.processes.add(added);
    void added.exited.then(() => this.processes.delete(added));
    return added;
  }

  private start(task: Task<P>, free: TaskProcess<P>): void {
    const { onMessage, onStep, signal, limits } = task.options;
    task.stopListening();
    const { usedMaxRssBytes = defaultUsedMaxRssBytes } = this.options;
    const bound = free.hasWorked ? usedMaxRssBytes : null;
    const end = (reason: TaskEnd) => free.kill(new TaskEndedError(reason));
    const watch = new LimitWatch({ ...this.limits, ...limits }, free.pid, bound, end);
    const abort = () => free.kill(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    free.start(task.request, {
      onStarted: () => watch.processStarted(),
      onStep: (step, limitMs) => {
        watch.beginStep(limitMs);
        onStep?.(step);
      },
      onMessage: (message) => onMessage?.(message),
      onEnd: (outcome) => {
        watch.stop();
        signal?.removeEventListener('abort', abort);
        settle(task, outcome);
        this.takeBack(free);
      },
    });
  }

  /** Makes a process that has finished its task ready for the next one, or replaces it. */
  private takeBack(used: TaskProcess<P>): void {
    const { recycleRssBytes = defaultRecycleRssBytes } = this.options;
    if (used.isAlive && used.rssBytes > recycleRssBytes) {
      used.kill(closedError());
    }
    if (used.isAlive) {
      this.idle.push(used);
    }
    this.startWaiting();
  }
}

function settle<P extends TaskProtocol>(task: Task<P>, outcome: TaskOutcome<P>): void {
  if ('result' in outcome) {
    task.resolve(outcome.result);
  } else {
    task.reject(outcome.error);
  }
}

function closedError(): TaskEndedError {
  return new TaskEndedError({ reason: 'poolClosed' });
}
