import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ErrorCode, MillraceError } from '@millrace/contracts';
import type { ChildMessage, PageStep, TaskMessage } from './protocol';
import { pageError } from './taskLimits';

export interface ChildOptions {
  /** Path of the module that calls `serveTasks`. */
  entry: string;
  /** Node options for the child; none of the parent's are handed down. */
  execArgv: string[];
  /** See ParserPoolOptions. */
  silent: boolean;
}

export interface TaskHandlers {
  onPage(step: PageStep): void;
  onMessage(message: unknown): void;
  /** Called once, whatever ends the task. */
  onEnd(outcome: { result: unknown } | { error: unknown }): void;
}

interface CurrentTask extends TaskHandlers {
  id: number;
  /** The page it is at, once it has said so. */
  page: number | null;
}

/** What the system sends to a process for its own fault; any other deadly signal comes from outside. */
const crashSignals: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
]);

/** One child process and the task it works on. */
export class ParserChild {
  /** Resident memory after the last task, in bytes. */
  rssBytes = 0;
  readonly exited: Promise<void>;
  private readonly process: ChildProcess;
  private ended = false;
  private current: CurrentTask | null = null;
  private isReady = false;
  private onReady: () => void = () => undefined;
  private nextId = 1;

  constructor(options: ChildOptions) {
    this.process = fork(options.entry, [String(process.pid)], {
      serialization: 'advanced',
      execArgv: options.execArgv,
      stdio: ['ignore', 'inherit', options.silent ? 'ignore' : 'inherit', 'ipc'],
    });
    this.process.on('message', (message) => this.receive(message as ChildMessage));
    this.exited = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => {
        this.end(this.deathError(code, signal));
        resolve();
      });
      // Starting or reaching the process failed; without a process there will be no 'exit'.
      this.process.on('error', (error) => {
        this.end(new MillraceError('INTERNAL', `The parser process failed: ${error.message}`, { cause: error }));
        if (this.process.pid === undefined) {
          resolve();
        }
      });
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** True while tasks may be given to this child. */
  get alive(): boolean {
    return !this.ended;
  }

  /** False while it is still starting, and has seen nothing of its first task. */
  get ready(): boolean {
    return this.isReady;
  }

  /** Calls `handle` when the child has started: at once, or later. One handler at a time, as there is one task. */
  whenReady(handle: () => void): void {
    if (this.isReady) {
      handle();
    } else {
      this.onReady = handle;
    }
  }

  /** The page the task is at; null before the first. */
  get page(): number | null {
    return this.current?.page ?? null;
  }

  /** Gives the child its next task. It must have none. */
  start(request: unknown, handlers: TaskHandlers): void {
    const id = this.nextId++;
    this.current = { id, page: null, ...handlers };
    const task: TaskMessage = { type: 'task', id, request };
    // A failed send is followed by 'exit' or 'error', which end the task.
    this.process.send(task, () => undefined);
  }

  /** Ends the process at once, and its task with `error`. */
  kill(error: unknown): void {
    this.end(error);
    this.process.kill('SIGKILL');
  }

  /** Waits until the process is gone. */
  async gone(): Promise<void> {
    await this.exited;
    if (this.process.connected) {
      await once(this.process, 'disconnect');
    }
  }

  private receive(message: ChildMessage): void {
    if (message.type === 'ready') {
      this.isReady = true;
      this.onReady();
      return;
    }
    const { current } = this;
    if (current === null || message.id !== current.id) {
      return;
    }
    switch (message.type) {
      case 'page':
        current.page = message.step.page;
        this.passOn(() => current.onPage(message.step));
        break;
      case 'message':
        this.passOn(() => current.onMessage(message.message));
        break;
      case 'result':
        this.settle(message.rssBytes, { result: message.result });
        break;
      case 'error':
        this.settle(message.rssBytes, { error: taskError(message.code, message.message, current.page) });
        break;
    }
  }

  private passOn(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      // The caller cannot go on with this task, so the child need not either.
      this.kill(error);
    }
  }

  private settle(rssBytes: number, outcome: { result: unknown } | { error: unknown }): void {
    this.rssBytes = rssBytes;
    const { current } = this;
    this.current = null;
    current?.onEnd(outcome);
  }

  private end(error: unknown): void {
    if (this.ended) {
      return;
    }
    this.ended = true;
    const { current } = this;
    this.current = null;
    current?.onEnd({ error });
  }

  /** Why a process that the pool did not kill has ended. */
  private deathError(code: number | null, signal: NodeJS.Signals | null): MillraceError {
    if (signal !== null && !crashSignals.has(signal)) {
      // The kernel kills with SIGKILL when memory is short, as anybody may: nothing says that it was the PDF's doing.
      return new MillraceError('READER_LOST', `The process that read the PDF was killed by ${signal}.`);
    }
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    // A child that dies before it is ready has not seen the PDF: the installation is at fault.
    return this.isReady
      ? taskError('DOCUMENT_UNREADABLE', `Reading the PDF ended the reading process ${how}.`, this.page)
      : new MillraceError('INTERNAL', `The parser process ended ${how} while it was starting.`);
  }
}

/** The error of a task. A broken engine is blamed on the page the task was at. */
function taskError(code: ErrorCode, message: string, page: number | null): MillraceError {
  return code === 'DOCUMENT_UNREADABLE' && page !== null
    ? pageError('PAGE_CRASHED', page, `Page ${page}: ${message}`)
    : new MillraceError(code, message);
}
