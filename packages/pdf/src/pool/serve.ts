import { toMillraceError } from '@millrace/contracts';
import type { ChildMessage, PageStep, TaskMessage } from './protocol';
import { watchParent } from './watchdog';

export interface TaskContext {
  /**
   * Sends a message to the task's `onMessage` in the parent. Await it: it resolves once the message has left, and so
   * keeps this process from filling its memory with messages the parent has not taken.
   */
  send(message: unknown): Promise<void>;
  /**
   * Says which page is being worked on from now on: its time limit begins, and what goes wrong is its fault. Await it, or
   * the parent may hear of it only when the page is done.
   */
  atPage(step: PageStep): Promise<void>;
}

/**
 * Makes this process a child of a ParserPool: every task goes to `handle`, one at a time. What `handle` throws reaches
 * the caller as a MillraceError with the same code. The process ends when its parent does, and only then: SIGINT and
 * SIGTERM go to the whole process group when a terminal or a service manager stops the parent, which still waits for the
 * document in hand.
 */
export function serveTasks(handle: (request: unknown, context: TaskContext) => Promise<unknown>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => undefined);
  }
  process.on('disconnect', () => process.exit());
  process.on('message', (task: TaskMessage) => {
    void answer(task, handle);
  });
  watchParent(Number(process.argv[2]));
  post({ type: 'ready' }).catch(endProcess);
}

async function answer(
  { id, request }: TaskMessage,
  handle: (request: unknown, context: TaskContext) => Promise<unknown>,
): Promise<void> {
  let outcome: ChildMessage;
  try {
    const result = await handle(request, {
      send: (message) => post({ type: 'message', id, message }),
      atPage: (step) => post({ type: 'page', id, step }),
    });
    outcome = { type: 'result', id, result, rssBytes: process.memoryUsage.rss() };
  } catch (error) {
    const { code, message } = toMillraceError(error);
    outcome = { type: 'error', id, code, message, rssBytes: process.memoryUsage.rss() };
  }
  await post(outcome).catch(endProcess);
}

function post(message: ChildMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined) {
      reject(new Error('This program is started by a ParserPool only.'));
      return;
    }
    process.send(message, undefined, undefined, (error) => (error ? reject(error) : resolve()));
  });
}

/** Without a parent to answer there is nothing left to do. */
function endProcess(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
