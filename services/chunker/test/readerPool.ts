import { join } from 'node:path';
import { ProcessPool, type ProcessPoolOptions, type TaskLimits } from '@millrace/process-pool';
import type { ReaderPool } from '../src/parseProtocol';

export type PoolOptions = Partial<TaskLimits> & Partial<Omit<ProcessPoolOptions, 'limits'>>;

/** A pool of reading processes that run from the sources. */
export function readerPool({ processes = 1, recycleRssBytes, ...limits }: PoolOptions = {}): ReaderPool {
  return new ProcessPool({
    entry: join(__dirname, '../src/parseProcess.ts'),
    processes,
    // More than any test takes on a busy machine.
    limits: { timeoutMs: 300_000, startMs: 300_000, ...limits },
    ...(recycleRssBytes !== undefined && { recycleRssBytes }),
    execArgv: ['-r', join(__dirname, '../../../tests/support/register.cjs')],
  });
}
