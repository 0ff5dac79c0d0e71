import { MillraceError } from '@millrace/contracts';
import { ParserChild } from './child';
import { residentBytes } from './memoryLimit';

export interface ParserPoolOptions {
  /** Path of the module the children run; it calls `serveTasks`. */
  entry: string;
  /** How many children, and so tasks, run at a time; at least 1. */
  processes: number;
  /** Longest a task may run, in milliseconds. Waiting for a free child does not count. */
  timeoutMs: number;
  /** A child that holds more memory than this after a task is replaced. Default 400 MB. */
  recycleRssBytes?: number;
  /** A child that grows beyond this during a task is killed (on Linux only). Default 1.5 GB. */
  maxRssBytes?: number;
  /** Node options for the children. */
  execArgv?: string[];
}

export interface RunOptions {
  /** Takes the task's messages in order. It must be quick; what it throws ends the task. */
  onMessage?: (message: unknown) => void;
  /** Ends the task, and its child if it has one; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

interface Task {
  request: unknown;
  options: RunOptions;
  resolve(result: unknown): void;
  reject(error: unknown): void;
  /** Takes the abort listener off. */
  cleanUp(): void;
}

const MEGABYTE = 1024 * 1024;
const MEMORY_CHECK_MS = 1000;

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
   * @throws MillraceError PDF_TIMEOUT, PDF_UNREADABLE (the child crashed or outgrew its memory), PARSER_LOST (the child was
   * killed by somebody else), INTERNAL (no child can be started, or the pool is closed) or the code of what the task threw; the signal's reason when it was aborted.
   */
  run(request: unknown, options: RunOptions = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (this.closing !== null) {
        reject(closedError());
        return;
      }
      if (signal?.aborted === true) {
        reject(signal.reason);
        return;
      }
      const leaveQueue = () => {
        const place = this.waiting.indexOf(task);
        if (place >= 0) {
          this.waiting.splice(place, 1);
          reject(signal?.reason);
        }
      };
      const cleanUp = () => signal?.removeEventListener('abort', leaveQueue);
      const task: Task = { request, options, resolve, reject, cleanUp };
      signal?.addEventListener('abort', leaveQueue, { once: true });
      this.waiting.push(task);
      this.startWaiting();
    });
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
    const { entry, execArgv = [] } = this.options;
    const child = new ParserChild({ entry, execArgv });
    this.children.add(child);
    void child.exited.then(() => this.children.delete(child));
    return child;
  }

  private start(task: Task, child: ParserChild): void {
    const { onMessage, signal } = task.options;
    task.cleanUp();
    const stopWatching = this.watch(child);
    const abort = () => child.kill(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    child.start(task.request, {
      onMessage: (message) => onMessage?.(message),
      onEnd: (outcome) => {
        stopWatching();
        signal?.removeEventListener('abort', abort);
        if ('error' in outcome) {
          task.reject(outcome.error);
        } else {
          task.resolve(outcome.result);
        }
        this.takeBack(child);
      },
    });
  }

  /** Makes a child that has finished its task ready for the next one, or replaces it. */
  private takeBack(child: ParserChild): void {
    const { recycleRssBytes = 400 * MEGABYTE } = this.options;
    if (child.alive && child.rssBytes > recycleRssBytes) {
      child.kill(closedError());
    }
    if (child.alive) {
      this.idle.push(child);
    }
    this.startWaiting();
  }

  /** Kills the child when its task takes too long or too much memory. Returns what ends the watching. */
  private watch(child: ParserChild): () => void {
    const { timeoutMs, maxRssBytes = 1536 * MEGABYTE } = this.options;
    const deadline = setTimeout(() => {
      child.kill(new MillraceError('PDF_TIMEOUT', `Reading the PDF took longer than ${timeoutMs} ms.`));
    }, timeoutMs);
    let watching = true;
    const memory = setInterval(async () => {
      const bytes = child.pid === undefined ? null : await residentBytes(child.pid);
      if (watching && bytes !== null && bytes > maxRssBytes) {
        const megabytes = Math.round(bytes / MEGABYTE);
        child.kill(new MillraceError('PDF_UNREADABLE', `Reading the PDF took too much memory (${megabytes} MB).`));
      }
    }, MEMORY_CHECK_MS);
    return () => {
      watching = false;
      clearTimeout(deadline);
      clearInterval(memory);
    };
  }
}

function closedError(): MillraceError {
  return new MillraceError('INTERNAL', 'The parser pool is closed.');
}
