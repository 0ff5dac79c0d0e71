import type { ErrorCode } from '@millrace/contracts';

/** What the pool sends to a child: one task at a time. */
export interface TaskMessage {
  type: 'task';
  id: number;
  request: unknown;
}

/** What a child sends to the pool. `id` is the task's. */
export type ChildMessage =
  | { type: 'ready' }
  | { type: 'message'; id: number; message: unknown }
  | { type: 'result'; id: number; result: unknown; rssBytes: number }
  | { type: 'error'; id: number; code: ErrorCode; message: string; rssBytes: number };
