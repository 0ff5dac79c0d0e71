import { setTimeout } from 'node:timers/promises';
import type { RetryResponse } from '@millrace/contracts';
import type { Database } from '@millrace/database';
import type { Queues } from '@millrace/queues';
import type { RunningStack } from '@millrace/stack';
import type { BenchmarkResult } from '../report';
import { format, p50p99, p50p99Figures } from '../statistics';
import { call } from './api';
import { settleAll } from './bigJob';

const singles = 200;
const runs = 5;
const pollMs = 5;

export interface RetryDispatchOptions {
  stack: RunningStack;
  database: Database;
  queues: Queues;
  /** Empties the queues. */
  forget: () => Promise<void>;
  jobId: string;
  /** All the job's failed chunks. */
  failedIds: readonly string[];
}

/**
 * How soon a retry is answered, for one chunk and for 10,000, and when the last of its deliveries is in Redis. Nobody
 * works on the queue meanwhile; between the runs the chunks are claimed and fail again.
 */
export async function retryDispatch(options: RetryDispatchOptions): Promise<BenchmarkResult> {
  const { failedIds } = options;
  const single: number[] = [];
  for (const id of failedIds.slice(0, singles)) {
    single.push((await retry(options, { chunk_ids: [id] }, 1)).answeredMs);
  }
  await failAgain(options, failedIds.slice(0, singles));
  const many: { answeredMs: number; deliveredMs: number }[] = [];
  for (let run = 0; run < runs; run += 1) {
    many.push(await retry(options, {}, failedIds.length));
    await failAgain(options, failedIds);
  }
  const count = failedIds.length.toLocaleString('en');
  const slowest = (of: (run: (typeof many)[number]) => number) => Math.max(...many.map(of));
  const each = (of: (run: (typeof many)[number]) => number) =>
    `${many.map((run) => format(of(run) / 1000)).join(', ')} s`;
  return {
    table: [
      ['retry of one chunk, p50 / p99', p50p99(single)],
      [`retry of ${count} chunks, answered after`, each((run) => run.answeredMs)],
      [`retry of ${count} chunks, last delivery in Redis after`, each((run) => run.deliveredMs)],
    ],
    figures: {
      ...p50p99Figures('retry_one', single),
      retry_many_chunks: failedIds.length,
      retry_many_slowest_answer_ms: slowest((run) => run.answeredMs),
      retry_many_slowest_delivery_ms: slowest((run) => run.deliveredMs),
    },
  };
}

async function retry(
  { stack, queues, forget, jobId }: RetryDispatchOptions,
  request: object,
  expected: number,
): Promise<{ answeredMs: number; deliveredMs: number }> {
  await forget();
  const start = performance.now();
  const { scheduled } = await call<RetryResponse>(stack, 'POST', `/jobs/${jobId}/chunks/retry`, request);
  const answeredMs = performance.now() - start;
  if (scheduled !== expected) {
    throw new Error(`${scheduled} chunks were scheduled instead of ${expected}`);
  }
  while ((await queues.chunks.getPrioritizedCount()) < expected) {
    await setTimeout(pollMs);
  }
  return { answeredMs, deliveredMs: performance.now() - start };
}

async function failAgain({ database }: RetryDispatchOptions, ids: readonly string[]): Promise<void> {
  await settleAll(database, ids, 'EMBEDDING_TIMEOUT');
}
