import { join } from 'node:path';
import { ProcessPool, type ProcessPoolOptions, type TaskLimits } from '@millrace/process-pool';
import type { ReaderPool } from '../src/parseProtocol';

export type PoolOptions = Partial<TaskLimits> & Partial<Omit<ProcessPoolOptions, 'limits'>>;

const program = join(__dirname, '../dist/parseProcess.js');

/** A pool of reading processes. They run the compiled program, or a TypeScript file of a test. */
export function readerPool(options: PoolOptions = {}): ReaderPool {
  const { processes = 1, recycleRssBytes, usedMaxRssBytes, entry = program, ...limits } = options;
  return new ProcessPool({
    entry,
    processes,
    // More than any test takes on a busy machine.
    limits: { timeoutMs: 300_000, startMs: 300_000, ...limits },
    ...(recycleRssBytes !== undefined && { recycleRssBytes }),
    ...(usedMaxRssBytes !== undefined && { usedMaxRssBytes }),
    ...(entry !== program && { execArgv: ['-r', join(__dirname, '../../../tests/support/register.cjs')] }),
  });
}
