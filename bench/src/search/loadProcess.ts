import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../benchStack';
import { withCleanUp } from '../cleanUp';

/** Searches for the load process, each once and in their order, by so many clients until the time is over. */
export type LoadTask = { clients: number; seconds: number } & (
  | { kind: 'http'; url: string; apiKey: string; bodies: readonly string[] }
  | {
      kind: 'sql';
      databaseUrl: string;
      /** Of each search, in their order. */
      statements: readonly string[][];
    }
);

export interface LoadResult {
  /** How long each search took, in milliseconds. */
  times: number[];
  perSecond: number;
  /** What the rows found had in common with each query, nearest first. */
  similarities: number[][];
}

type Answer = { result: LoadResult } | { error: string };

/** Runs `work` with a process that makes load. */
export async function withLoadProcess<T>(
  work: (load: (task: LoadTask) => Promise<LoadResult>) => Promise<T>,
): Promise<T> {
  const child = fork(join(root, 'bench/dist/search/load.js'), { serialization: 'advanced' });
  const gone = once(child, 'exit').then((): never => {
    throw new Error('The process that makes the load has ended');
  });
  gone.catch(() => undefined);
  const load = async (task: LoadTask): Promise<LoadResult> => {
    child.send(task);
    const [answer] = (await Promise.race([once(child, 'message'), gone])) as [Answer];
    if ('error' in answer) {
      throw new Error(answer.error);
    }
    return answer.result;
  };
  return withCleanUp(
    () => work(load),
    async () => {
      child.kill();
      await gone.catch(() => undefined);
    },
  );
}
