import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { MillraceError } from '@millrace/contracts/errors';
import type { ProcessMessage, TaskMessage, TaskProtocol } from './protocol';
import { type TaskEnd, TaskEndedError } from './taskEnd';

export interface ProcessOptions {
  /** Path of the module that calls `serveTasks`. */
  entry: string;
  /** Node options for the process. It inherits none of the parent's. */
  execArgv: string[];
  /** See ProcessPoolOptions. */
  silent: boolean;
}

export type TaskOutcome<P extends TaskProtocol> = { result: P['result'] } | { error: unknown };

export interface TaskHandlers<P extends TaskProtocol> {
  /** Called when the process can work on the task: at once unless it is still starting. */
  onStarted(): void;
  onStep(step: P['step'], limitMs: number | undefined): void;
  onMessage(message: P['message']): void;
  /** Called once when the task has ended, with or without success. */
  onEnd(outcome: TaskOutcome<P>): void;
}

/** Signals that the system sends to a process for its own fault. Any other deadly signal comes from outside. */
const crashSignals: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGABRT',
  'SIGBUS',
  'SIGFPE',
  'SIGILL',
  'SIGSEGV',
  'SIGSYS',
  'SIGTRAP',
]);

/** One process of a pool and the task that it works on. */
export class TaskProcess<P extends TaskProtocol> {
  /** Resident memory after the last task, in bytes. */
  rssBytes = 0;
  readonly exited: Promise<void>;
  private readonly process: ChildProcess;
  private current: { id: number; handlers: TaskHandlers<P> } | null = null;
  private isReady = false;
  private isEnded = false;
  private nextId = 1;

  constructor(options: ProcessOptions) {
    this.process = fork(options.entry, [String(process.pid)], {
      serialization: 'advanced',
      execArgv: options.execArgv,
      stdio: ['ignore', 'inherit', options.silent ? 'ignore' : 'inherit', 'ipc'],
    });
    this.process.on('message', (message: ProcessMessage<P>) => this.receive(message));
    this.exited = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => {
        this.end(new TaskEndedError(this.endOf(code, signal)));
        resolve();
      });
      // The process could not be started or reached. Where it was never started, no 'exit' follows.
      this.process.on('error', (error) => {
        this.end(new TaskEndedError({ reason: 'unavailable', detail: error.message }, { cause: error }));
        if (this.process.pid === undefined) {
          resolve();
        }
      });
    });
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  /** True when the process has been given a task before. */
  get hasWorked(): boolean {
    return this.nextId > 1;
  }

  /** True while the process may get tasks. */
  get isAlive(): boolean {
    return !this.isEnded;
  }

  /** Gives the process its next task. It must have none. */
  start(request: P['request'], handlers: TaskHandlers<P>): void {
    const task: TaskMessage<P> = { id: this.nextId++, request };
    this.current = { id: task.id, handlers };
    // A failed send is followed by 'exit' or 'error', which end the task.
    this.process.send(task, () => undefined);
    if (this.isReady) {
      handlers.onStarted();
    }
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

  private receive(message: ProcessMessage<P>): void {
    const { current } = this;
    if (message.type === 'ready') {
      this.isReady = true;
      current?.handlers.onStarted();
      return;
    }
    if (current === null || message.id !== current.id) {
      return;
    }
    switch (message.type) {
      case 'step':
        this.passOn(() => current.handlers.onStep(message.step, message.limitMs));
        break;
      case 'message':
        this.passOn(() => current.handlers.onMessage(message.message));
        break;
      case 'result':
        this.finishTask(message.rssBytes, { result: message.result });
        break;
      case 'error':
        this.finishTask(message.rssBytes, { error: new MillraceError(message.code, message.message) });
        break;
    }
  }

  private passOn(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      // The caller cannot go on with this task, so the process must not either.
      this.kill(error);
    }
  }

  private finishTask(rssBytes: number, outcome: TaskOutcome<P>): void {
    this.rssBytes = rssBytes;
    const { current } = this;
    this.current = null;
    current?.handlers.onEnd(outcome);
  }

  private end(error: unknown): void {
    if (this.isEnded) {
      return;
    }
    this.isEnded = true;
    const { current } = this;
    this.current = null;
    current?.handlers.onEnd({ error });
  }

  /** Why a process ended that the pool did not kill. */
  private endOf(code: number | null, signal: NodeJS.Signals | null): TaskEnd {
    if (signal !== null && !crashSignals.has(signal)) {
      return { reason: 'killed', signal };
    }
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    // A process that ends before it is ready has not seen its task: the installation is at fault.
    return this.isReady
      ? { reason: 'crashed', how }
      : { reason: 'unavailable', detail: `it ended ${how} while it was starting` };
  }
}
