import type { ErrorCode } from '@millrace/contracts';

/** What the pool sends to a child: one task at a time. */
export interface TaskMessage {
  type: 'task';
  id: number;
  request: unknown;
}

/** The page a child works on from now on. */
export interface PageStep {
  /** From 1. */
  page: number;
  /** How many pages the document has; null where only its end will tell. */
  pages: number | null;
  /** True when the page's text is being recognized. */
  ocr: boolean;
  /** Longest this step may take, in milliseconds, where it is not the pool's limit. */
  limitMs?: number;
}

/** What a child sends to the pool. `id` is the task's. */
export type ChildMessage =
  | { type: 'ready' }
  | { type: 'page'; id: number; step: PageStep }
  | { type: 'message'; id: number; message: unknown }
  | { type: 'result'; id: number; result: unknown; rssBytes: number }
  | { type: 'error'; id: number; code: ErrorCode; message: string; rssBytes: number };
