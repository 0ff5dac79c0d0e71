import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../benchStack';
import { withCleanUp } from '../cleanUp';

/** Searches for the load process. Clients send each once, in order, until the time is over. */
export type LoadTask = { clients: number; seconds: number } & (
  | { kind: 'http'; url: string; apiKey: string; bodies: readonly string[] }
  | {
      kind: 'sql';
      databaseUrl: string;
      /** The statements of each search. */
      statements: readonly string[][];
    }
);

export interface LoadResult {
  /** How long each search took, in milliseconds. */
  times: number[];
  perSecond: number;
  /** For each query the similarities of the rows found, nearest first. */
  similarities: number[][];
}

type Answer = { result: LoadResult } | { error: string };

/** Runs `work` with a separate process that sends searches, so that its processor time is not the API's. */
export async function withLoadProcess<T>(
  work: (load: (task: LoadTask) => Promise<LoadResult>) => Promise<T>,
): Promise<T> {
  const child = fork(join(root, 'bench/dist/search/load.js'), { serialization: 'advanced' });
  const gone = once(child, 'exit').then((): never => {
    throw new Error('The load process has ended.');
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
