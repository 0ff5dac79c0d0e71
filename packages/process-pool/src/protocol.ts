import type { ErrorCode } from '@millrace/contracts/errors';

/** The types of the messages between a pool and its processes. Both sides name the same protocol. */
export interface TaskProtocol {
  /** The request for the task. */
  request: unknown;
  /** A part of the answer, sent while the task runs. */
  message: unknown;
  /** A step of the task, sent when the step begins. */
  step: unknown;
  /** The end of the answer. */
  result: unknown;
}

/** A message from the pool to a process: one task at a time. */
export interface TaskMessage<P extends TaskProtocol> {
  id: number;
  request: P['request'];
}

/** A message from a process to the pool. `id` is the task's. */
export type ProcessMessage<P extends TaskProtocol> =
  | { type: 'ready' }
  | { type: 'step'; id: number; step: P['step']; limitMs: number | undefined }
  | { type: 'message'; id: number; message: P['message'] }
  | { type: 'result'; id: number; result: P['result']; rssBytes: number }
  | { type: 'error'; id: number; code: ErrorCode; message: string; rssBytes: number };
