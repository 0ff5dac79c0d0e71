import { setTimeout as sleep } from 'node:timers/promises';
import { type ProgramName, type RunningStack, type SupervisedProcess, startStack } from '@millrace/stack';
import { root } from './backing';

/** How long a process may take to become ready. While a server is down it cannot. */
const readyTimeoutMs = 180_000;
/** The pause before another start of a process that has ended before it was ready, because a server is down. */
const startAgainMs = 300;

export interface FleetOptions {
  databaseUrl: string;
  redisUrl: string;
  stateDir: string;
  environment: Record<string, string>;
  shape: Readonly<Record<ProgramName, number>>;
}

/** The place of one process. When the process ends, another one is started in its place. */
export interface Slot {
  readonly program: ProgramName;
  /** Undefined while no process runs. */
  process: SupervisedProcess | undefined;
  /** The key that an embedder sends to the provider. Each process has its own. */
  apiKey: string;
  /** True while the process is stopped by SIGSTOP. */
  paused: boolean;
  /** Set when we end the process: how long to wait before the next one starts. */
  restartAfterMs: number | undefined;
}

/** Millrace's processes under a supervisor, which starts again each one that ends. */
export class Fleet {
  readonly slots: Slot[] = [];
  /** Processes that were ready and ended without having been told to. */
  readonly crashes: string[] = [];
  private readonly supervisions: Promise<void>[] = [];
  private readonly stopping = new AbortController();
  private started = 0;
  private lastFailure = '';

  private constructor(private readonly stack: RunningStack) {}

  /** Migrates the database, starts everything, and waits until all are ready. */
  static async start({ shape, ...options }: FleetOptions): Promise<Fleet> {
    const none = { api: 0, chunker: 0, embedder: 0, reconciler: 0 };
    const stack = await startStack({
      root,
      ...options,
      environment: { PATH: process.env.PATH, ...options.environment },
      replicas: none,
      readyTimeoutMs,
    });
    const fleet = new Fleet(stack);
    for (const program of Object.keys(none) as ProgramName[]) {
      for (let i = 0; i < shape[program]; i += 1) {
        const slot = { program, process: undefined, apiKey: '', paused: false, restartAfterMs: undefined };
        fleet.slots.push(slot);
        fleet.supervisions.push(fleet.supervise(slot));
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

  /** The address of the API, another one after each restart. Undefined while no API runs. */
  get apiUrl(): string | undefined {
    return this.slots.find((slot) => slot.program === 'api')?.process?.url;
  }

  /** The ids of the running processes. */
  get pids(): number[] {
    return this.slots.flatMap((slot) => (slot.process ? [slot.process.pid] : []));
  }

  /** Resolves when every slot has a running process. */
  async untilComplete(): Promise<void> {
    const deadline = Date.now() + readyTimeoutMs * 2;
    while (this.slots.some((slot) => slot.process === undefined)) {
      if (Date.now() > deadline) {
        throw new Error(`Not every process became ready: ${this.lastFailure}`);
      }
      await sleep(20);
    }
  }

  /** Kills the process, and starts another one after `restartAfterMs`. Resolves when that one is ready. */
  async kill(slot: Slot, restartAfterMs: number): Promise<void> {
    const victim = slot.process;
    if (!victim) {
      return;
    }
    slot.restartAfterMs = restartAfterMs;
    victim.kill('SIGKILL');
    while ((slot.process === undefined || slot.process === victim) && !this.stopping.signal.aborted) {
      await sleep(20);
    }
  }

  /** Stops all processes. @returns how each of them ended. */
  async stop(): Promise<string[]> {
    this.stopping.abort();
    const running = this.slots.flatMap((slot) => (slot.process ? [slot.process] : []));
    await this.stack.stop();
    await Promise.all(this.supervisions);
    // A process that was still starting has joined the stack's processes only now.
    await this.stack.stop();
    return Promise.all(running.map(async ({ name, ended }) => `${name} ${(await ended).how}`));
  }

  private async supervise(slot: Slot): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const process = await this.tryToStart(slot);
      if (!process) {
        continue;
      }
      const { how } = await process.ended;
      slot.process = undefined;
      if (slot.restartAfterMs === undefined && !signal.aborted) {
        this.crashes.push(`${process.name} ${how}`);
      }
      await sleep(slot.restartAfterMs ?? startAgainMs, undefined, { signal }).catch(() => undefined);
      slot.restartAfterMs = undefined;
    }
  }

  /** Tries once to start a process in the slot. */
  private async tryToStart(slot: Slot): Promise<SupervisedProcess | undefined> {
    this.started += 1;
    const apiKey = `${slot.program}-${this.started}`;
    try {
      const process = await this.stack.add(slot.program, { OPENAI_API_KEY: apiKey });
      slot.apiKey = apiKey;
      slot.process = process;
      return process;
    } catch (error) {
      // Usually a server is down. The program says so and ends.
      this.lastFailure = (error as Error).message;
      await sleep(startAgainMs);
      return undefined;
    }
  }
}
