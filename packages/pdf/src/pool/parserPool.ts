import { MillraceError } from '@millrace/contracts';
import { ParserChild } from './child';
import type { PageStep } from './protocol';
import { TaskLimits } from './taskLimits';

export interface ParserPoolOptions {
  /** Path of the module the children run; it calls `serveTasks`. */
  entry: string;
  /** How many children, and so tasks, run at a time; at least 1. */
  processes: number;
  /** Longest a task may run, all its runs together, in milliseconds. Waiting for a free child does not count. */
  timeoutMs: number;
  /**
   * Longest a run may take until it is at its first page, in milliseconds; a child that is still starting has not begun.
   * Default: as long as the task may run.
   */
  openTimeoutMs?: number;
  /** Longest a task may be at one page, in milliseconds. Default: as long as the task may run. */
  pageTimeoutMs?: number;
  /** A child that holds more memory than this after a task is replaced. Default 400 MB. */
  recycleRssBytes?: number;
  /** A child that grows beyond this during a task is killed (on Linux only). Default 1 GiB. */
  maxRssBytes?: number;
  /** Node options for the children. */
  execArgv?: string[];
  /** Keeps what the children say on standard error to themselves: where crashes are expected, their dumps tell nobody anything. */
  silent?: boolean;
}

export interface RunOptions {
  /** Takes the task's messages in order. It must be quick; what it throws ends the task. */
  onMessage?: (message: unknown) => void;
  /** Is told at which page the task is. It must be quick; what it throws ends the task. */
  onPage?: (step: PageStep) => void;
  /**
   * Asked when a page ends the task (PAGE_TIMEOUT, PAGE_TOO_LARGE or PAGE_CRASHED, the page in `extra.page`): gives the
   * request to run instead, within what is left of the time, or throws what the task ends with. Without it the page's
   * error is the task's.
   */
  withoutPage?: (error: MillraceError) => unknown;
  /** Ends the task, and its child if it has one; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

interface Task {
  request: unknown;
  /** How long it has run so far, in milliseconds. */
  spentMs: number;
  options: RunOptions;
  resolve(result: unknown): void;
  reject(error: unknown): void;
  /** Takes the abort listener off. */
  cleanUp(): void;
}

const megabyte = 1024 * 1024;

/**
 * Runs tasks in child processes, so that a PDF that crashes, hangs or swallows memory takes down nothing but its own
 * task. Children are started when there is work, or before by `warmUp`, kept for the next task, and end when this process
 * does.
 */
export class ParserPool {
  private readonly idle: ParserChild[] = [];
  private readonly children = new Set<ParserChild>();
  private readonly waiting: Task[] = [];
  private closing: Promise<void> | null = null;

  constructor(private readonly options: ParserPoolOptions) {
    if (!Number.isInteger(options.processes) || options.processes < 1) {
      throw new RangeError(`A pool needs at least one process, not ${options.processes}.`);
    }
  }

  /** The process ids of the children that run now. */
  get pids(): number[] {
    return [...this.children].map((child) => child.pid).filter((pid) => pid !== undefined);
  }

  /** Starts all children now, so that the first tasks do not wait for them. */
  warmUp(): void {
    while (this.closing === null && this.children.size < this.options.processes) {
      this.idle.push(this.addChild());
    }
  }

  /**
   * Runs one task and gives its result.
   * @throws MillraceError DOCUMENT_TIMEOUT, DOCUMENT_OPEN_TIMEOUT (it did not come to its first page), DOCUMENT_UNREADABLE (the child
   * crashed or outgrew its memory), PAGE_TIMEOUT, PAGE_TOO_LARGE or PAGE_CRASHED (the same, at a page), READER_LOST (the child was killed by somebody else), INTERNAL (no
   * child can be started, or not in the task's time, or the pool is closed) or the code of what the task threw; the signal's reason when it was
   * aborted.
   */
  run(request: unknown, options: RunOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.enqueue({ request, spentMs: 0, options, resolve, reject, cleanUp: () => undefined }, 'last');
      this.startWaiting();
    });
  }

  /** Has the task wait for a child. It leaves the queue when it is aborted. */
  private enqueue(task: Task, place: 'first' | 'last'): void {
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
      const index = this.waiting.indexOf(task);
      if (index >= 0) {
        this.waiting.splice(index, 1);
        task.reject(signal?.reason);
      }
    };
    task.cleanUp = () => signal?.removeEventListener('abort', leaveQueue);
    signal?.addEventListener('abort', leaveQueue, { once: true });
    if (place === 'first') {
      this.waiting.unshift(task);
    } else {
      this.waiting.push(task);
    }
  }

  /** Ends all children and rejects unfinished tasks; resolves when no process is left. Callers share one closing. */
  close(): Promise<void> {
    this.closing ??= this.endAll();
    return this.closing;
  }

  private async endAll(): Promise<void> {
    for (const task of this.waiting.splice(0)) {
      task.cleanUp();
      task.reject(closedError());
    }
    const children = [...this.children];
    for (const child of children) {
      child.kill(closedError());
    }
    await Promise.all(children.map((child) => child.gone()));
  }

  private startWaiting(): void {
    while (this.waiting.length > 0 && this.closing === null) {
      const child = this.freeChild();
      if (child === null) {
        return;
      }
      const task = this.waiting.shift();
      if (task !== undefined) {
        this.start(task, child);
      }
    }
  }

  /** An idle child, else a new one, else null when all are busy. */
  private freeChild(): ParserChild | null {
    for (let child = this.idle.pop(); child !== undefined; child = this.idle.pop()) {
      if (child.alive) {
        return child;
      }
    }
    const alive = [...this.children].filter((child) => child.alive).length;
    return alive < this.options.processes ? this.addChild() : null;
  }

  private addChild(): ParserChild {
    const { entry, execArgv = [], silent = false } = this.options;
    const child = new ParserChild({ entry, execArgv, silent });
    this.children.add(child);
    void child.exited.then(() => this.children.delete(child));
    return child;
  }

  private start(task: Task, child: ParserChild): void {
    const { onMessage, onPage, signal } = task.options;
    const { timeoutMs, openTimeoutMs, pageTimeoutMs = timeoutMs, maxRssBytes = 1024 * megabyte } = this.options;
    task.cleanUp();
    const began = performance.now();
    const left = timeoutMs - task.spentMs;
    const begunBefore = task.spentMs > 0;
    const limits = new TaskLimits(child, { timeoutMs: left, begunBefore, openTimeoutMs, pageTimeoutMs, maxRssBytes });
    const abort = () => child.kill(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    child.start(task.request, {
      onPage: (step) => {
        limits.atPage(step);
        onPage?.(step);
      },
      onMessage: (message) => onMessage?.(message),
      onEnd: (outcome) => {
        limits.end();
        signal?.removeEventListener('abort', abort);
        task.spentMs += performance.now() - began;
        this.end(task, outcome);
        this.takeBack(child);
      },
    });
  }

  /** Gives the caller the task's outcome, or runs it again without the page that ended it. */
  private end(task: Task, outcome: { result: unknown } | { error: unknown }): void {
    if ('result' in outcome) {
      task.resolve(outcome.result);
      return;
    }
    const { error } = outcome;
    const { withoutPage } = task.options;
    if (withoutPage === undefined || !(error instanceof MillraceError) || error.extra.page === undefined) {
      task.reject(error);
      return;
    }
    try {
      task.request = withoutPage(error);
    } catch (givenUp) {
      task.reject(givenUp);
      return;
    }
    this.enqueue(task, 'first');
  }

  /** Makes a child that has finished its task ready for the next one, or replaces it. */
  private takeBack(child: ParserChild): void {
    const { recycleRssBytes = 400 * megabyte } = this.options;
    if (child.alive && child.rssBytes > recycleRssBytes) {
      child.kill(closedError());
    }
    if (child.alive) {
      this.idle.push(child);
    }
    this.startWaiting();
  }
}

function closedError(): MillraceError {
  return new MillraceError('INTERNAL', 'The parser pool is closed.');
}
