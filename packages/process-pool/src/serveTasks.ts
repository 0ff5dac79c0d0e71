import { toMillraceError } from '@millrace/contracts/errors';
import { watchParent } from './parentWatch';
import type { ProcessMessage, TaskMessage, TaskProtocol } from './protocol';

export interface TaskContext<P extends TaskProtocol> {
  /**
   * Sends a message to the task's `onMessage`. Await it: it resolves when the message has left, so that this process does
   * not fill its memory with messages that the parent has not taken.
   */
  send(message: P['message']): Promise<void>;
  /**
   * Begins a step of the task, with a time limit of `limitMs`, or of the pool if that is left out. Await it: otherwise the parent may learn
   * of the step only when the step is done.
   */
  beginStep(step: P['step'], limitMs?: number): Promise<void>;
}

/** Runs one task. */
export type TaskHandler<P extends TaskProtocol> = (
  request: P['request'],
  context: TaskContext<P>,
) => Promise<P['result']>;

/**
 * Makes this process serve a ProcessPool: `handle` gets one task at a time. What it throws reaches the caller as a
 * MillraceError with the same code and message. The process ends when its parent does, and only then: a terminal or a
 * service manager sends SIGINT and SIGTERM to the whole process group, and the parent still waits for the current task.
 */
export function serveTasks<P extends TaskProtocol>(handle: TaskHandler<P>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => undefined);
  }
  process.on('disconnect', () => process.exit());
  process.on('message', (task: TaskMessage<P>) => void answer(task, handle));
  watchParent(Number(process.argv[2]));
  post<P>({ type: 'ready' }).catch(endProcess);
}

async function answer<P extends TaskProtocol>(task: TaskMessage<P>, handle: TaskHandler<P>): Promise<void> {
  await post<P>(await outcomeOf(task, handle)).catch(endProcess);
}

async function outcomeOf<P extends TaskProtocol>(
  { id, request }: TaskMessage<P>,
  handle: TaskHandler<P>,
): Promise<ProcessMessage<P>> {
  try {
    const result = await handle(request, {
      send: (message) => post<P>({ type: 'message', id, message }),
      beginStep: (step, limitMs) => post<P>({ type: 'step', id, step, limitMs }),
    });
    return { type: 'result', id, result, rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    const { code, message } = toMillraceError(error);
    return { type: 'error', id, code, message, rssBytes: process.memoryUsage.rss() };
  }
}

function post<P extends TaskProtocol>(message: ProcessMessage<P>): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) {
      reject(new Error('Only a ProcessPool can start this program.'));
      return;
    }
    process.send(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });
}

/** Ends the process, because no parent is left to answer. */
function endProcess(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
