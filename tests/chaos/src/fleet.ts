import { setTimeout as sleep } from 'node:timers/promises';
import { type ProgramName, type RunningStack, type SupervisedProcess, startStack } from '@millrace/stack';
import { root } from './backing';

/** How long a process may take to become ready; with a server down it takes until that is back. */
const readyTimeoutMs = 60_000;
/** Between two starts of a process that ends before it is ready, because a server is down. */
const startAgainMs = 300;

export interface FleetOptions {
  databaseUrl: string;
  redisUrl: string;
  stateDir: string;
  environment: Record<string, string>;
  shape: Readonly<Record<ProgramName, number>>;
}

/** The place of one process, which is filled again whenever it falls empty. */
export interface Post {
  readonly program: ProgramName;
  /** Undefined while nobody is on duty. */
  process: SupervisedProcess | undefined;
  /** What an embedder shows the provider as its key: another for each process. */
  apiKey: string;
  /** Stopped by SIGSTOP just now. */
  paused: boolean;
  /** Set when the end of the process is our doing: how long to wait before the next one is started. */
  restartAfterMs: number | undefined;
}

/** Millrace's processes as a supervisor keeps them: whichever ends is started again. */
export class Fleet {
  readonly posts: Post[] = [];
  /** Processes that ended without being told to, once they had been ready. */
  readonly crashes: string[] = [];
  private readonly keeping: Promise<void>[] = [];
  private readonly stopping = new AbortController();
  private started = 0;
  private lastFailure = '';

  private constructor(private readonly stack: RunningStack) {}

  /** Migrates the database, starts everything, and waits until all are ready. */
  static async start({ shape, ...options }: FleetOptions): Promise<Fleet> {
    const nobody = { api: 0, chunker: 0, embedder: 0, reconciler: 0 };
    const stack = await startStack({
      root,
      ...options,
      environment: { PATH: process.env.PATH, ...options.environment },
      replicas: nobody,
      readyTimeoutMs,
    });
    const fleet = new Fleet(stack);
    for (const program of Object.keys(nobody) as ProgramName[]) {
      for (let i = 0; i < shape[program]; i += 1) {
        const post = { program, process: undefined, apiKey: '', paused: false, restartAfterMs: undefined };
        fleet.posts.push(post);
        fleet.keeping.push(fleet.keep(post));
      }
    }
    try {
      await fleet.untilComplete();
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Where the API answers; undefined while there is none. Another address after each restart. */
  get apiUrl(): string | undefined {
    return this.posts.find((post) => post.program === 'api')?.process?.url;
  }

  /** The process ids on duty. */
  get pids(): number[] {
    return this.posts.flatMap((post) => (post.process ? [post.process.pid] : []));
  }

  /** Resolves when every post is filled. */
  async untilComplete(): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs * 2;
    while (this.posts.some((post) => post.process === undefined)) {
      if (Date.now() > deadline) {
        throw new Error(`Not every process became ready: ${this.lastFailure}`);
      }
      await sleep(20);
    }
  }

  /** Kills the process and starts another one after a while. Resolves when that is ready. */
  async kill(post: Post, restartAfterMs: number): Promise<void> {
    const victim = post.process;
    if (!victim) {
      return;
    }
    post.restartAfterMs = restartAfterMs;
    victim.kill('SIGKILL');
    while ((post.process === undefined || post.process === victim) && !this.stopping.signal.aborted) {
      await sleep(20);
    }
  }

  /** Stops everything in order. @returns how each of those on duty ended. */
  async stop(): Promise<string[]> {
    this.stopping.abort();
    const onDuty = this.posts.flatMap((post) => (post.process ? [post.process] : []));
    await this.stack.stop();
    await Promise.all(this.keeping);
    // One that was still being started is among the stack's processes only now.
    await this.stack.stop();
    return Promise.all(onDuty.map(async ({ name, ended }) => `${name} ${(await ended).how}`));
  }

  private async keep(post: Post): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const process = await this.fill(post);
      if (!process) {
        continue;
      }
      const { how } = await process.ended;
      post.process = undefined;
      if (post.restartAfterMs === undefined && !signal.aborted) {
        this.crashes.push(`${process.name} ${how}`);
      }
      await sleep(post.restartAfterMs ?? startAgainMs, undefined, { signal }).catch(() => undefined);
      post.restartAfterMs = undefined;
    }
  }

  /** One try at starting a process for the post. */
  private async fill(post: Post): Promise<SupervisedProcess | undefined> {
    this.started += 1;
    const apiKey = `${post.program}-${this.started}`;
    try {
      const process = await this.stack.add(post.program, { OPENAI_API_KEY: apiKey });
      post.apiKey = apiKey;
      post.process = process;
      return process;
    } catch (error) {
      // Mostly because a server is away: the program then says so and ends.
      this.lastFailure = (error as Error).message;
      await sleep(startAgainMs);
      return undefined;
    }
  }
}
