import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateServers, ProgramName } from '@millrace/stack';
import { Redis } from 'ioredis';
import type { Client } from './client';
import type { Fleet, Slot } from './fleet';
import type { FaultKind, PlannedFault } from './plan';
import type { Provider } from './provider';
import type { Queryable } from './queries';
import type { Random } from './random';

/** How long a fault waits for a moment at which it interrupts work. */
const aimMs = 3_000;
const lookAgainMs = 10;

/** What the faults happen to. */
export interface FaultTargets {
  servers: PrivateServers;
  fleet: Fleet;
  provider: Provider;
  client: Client;
  database: Queryable;
}

/** A fault that has happened. */
export interface Fault {
  kind: FaultKind;
  startedAt: number;
  /** When everything works again: the process runs, the server answers, the provider has no fault. */
  endedAt: number;
  /** The key of the embedder that it hit. */
  victim?: string | undefined;
  /** For the log. */
  detail: string;
}

/** Injects the faults of a plan. Faults overlap, except those of one target: a server that is down is not killed again. */
export class FaultInjector {
  readonly done: Fault[] = [];
  private readonly busy = new Map<string, Promise<void>>();

  constructor(
    private readonly targets: FaultTargets,
    private readonly random: Random,
    private readonly log: (line: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** Injects all faults. Resolves when the last one is over and everything runs, and never settles during a fault. */
  async injectAll(faults: readonly PlannedFault[], startedAt: number): Promise<void> {
    const under: Promise<void>[] = [];
    try {
      for (const fault of faults) {
        await sleep(Math.max(0, startedAt + fault.at - Date.now()), undefined, { signal: this.signal });
        under.push(this.inTurn(targetOf(fault.kind), () => this.inject(fault)));
      }
      await Promise.all(under);
    } finally {
      await Promise.allSettled(under);
    }
    await this.targets.fleet.untilComplete();
  }

  /** Lets a fault last. It ends early when the run is aborted. */
  private async pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.signal }).catch(() => undefined);
  }

  private inTurn(target: string | undefined, work: () => Promise<void>): Promise<void> {
    if (target === undefined) {
      return work();
    }
    const turn = (this.busy.get(target) ?? Promise.resolve()).then(work);
    this.busy.set(target, turn);
    return turn;
  }

  private async inject({ kind, lastsMs }: PlannedFault): Promise<void> {
    const fault: Fault = { kind, startedAt: 0, endedAt: 0, detail: `${lastsMs} ms` };
    const begin = (detail: string) => {
      fault.startedAt = Date.now();
      fault.detail = detail;
      this.log(`${kind}: ${detail}`);
    };
    await this.act(fault, lastsMs, begin);
    fault.endedAt = Date.now();
    this.done.push(fault);
    this.log(`${kind} is over after ${fault.endedAt - fault.startedAt} ms`);
  }

  private async act(fault: Fault, lastsMs: number, begin: (detail: string) => void): Promise<void> {
    const { servers, fleet, provider } = this.targets;
    switch (fault.kind) {
      case 'kill-api':
      case 'kill-chunker':
      case 'kill-embedder':
      case 'kill-reconciler': {
        const slot = await this.choose(fault.kind.slice('kill-'.length) as ProgramName);
        fault.victim = slot.apiKey;
        begin(`${slot.process?.name}, down for ${lastsMs} ms`);
        await fleet.kill(slot, lastsMs);
        return;
      }
      case 'pause-embedder': {
        const slot = await this.choose('embedder');
        fault.victim = slot.apiKey;
        begin(`${slot.process?.name} for ${lastsMs} ms`);
        slot.paused = true;
        slot.process?.kill('SIGSTOP');
        await this.pause(lastsMs);
        slot.process?.kill('SIGCONT');
        slot.paused = false;
        return;
      }
      case 'flush-redis':
        begin('');
        await flushAll(servers.redisUrl);
        return;
      case 'crash-redis':
        begin(`down for ${lastsMs} ms`);
        await servers.crashRedis();
        await this.pause(lastsMs);
        await servers.restartRedis();
        return;
      case 'crash-postgres':
        begin(`down for ${lastsMs} ms`);
        await servers.crashPostgres();
        await this.pause(lastsMs);
        await servers.restartPostgres();
        return;
      case 'clock-forward':
      case 'clock-back':
        await this.stepClock(fault.kind === 'clock-forward' ? '-1 hour' : '1 hour', begin);
        return;
      default:
        begin(`for ${lastsMs} ms`);
        provider.fault = fault.kind;
        await this.pause(lastsMs);
        provider.fault = undefined;
    }
  }

  /** Chooses a running process: a busy one, unless none becomes busy within `aimMs`. */
  private async choose(program: ProgramName): Promise<Slot> {
    const deadline = Date.now() + aimMs;
    for (;;) {
      const running = this.targets.fleet.slots.filter(
        (slot) => slot.program === program && slot.process && !slot.paused,
      );
      const busy = await this.findBusy(running);
      if (busy.length > 0 || (running.length > 0 && Date.now() > deadline)) {
        return this.random.pick(busy.length > 0 ? busy : running);
      }
      await sleep(lookAgainMs, undefined, { signal: this.signal });
    }
  }

  /** Finds those that a fault would interrupt: an API that receives, a chunker that reads, an embedder that waits. */
  private async findBusy(slots: readonly Slot[]): Promise<Slot[]> {
    const { client, provider, database } = this.targets;
    switch (slots[0]?.program) {
      case 'api':
        return client.inFlight > 0 ? [...slots] : [];
      case 'chunker': {
        const { rows } = await database
          .query<{ worker: string }>(`SELECT worker FROM jobs WHERE status = 'chunking'`)
          // While the server is down, no chunker works.
          .catch(() => ({ rows: [] }));
        return slots.filter((slot) => rows.some(({ worker }) => worker.endsWith(`:${slot.process?.pid}`)));
      }
      case 'embedder': {
        const callers = provider.callersInFlight();
        return slots.filter((slot) => callers.includes(slot.apiKey));
      }
      default:
        return [...slots];
    }
  }

  /** Moves all deadlines back, as a clock that jumps forward does, or forward. */
  private async stepClock(byInterval: string, begin: (detail: string) => void): Promise<void> {
    const deadline = Date.now() + aimMs;
    for (;;) {
      const { rows } = await this.targets.database.query<{ rows: number }>(
        `WITH chunks AS (
           UPDATE job_chunks SET lease_expires_at = lease_expires_at + $1::interval WHERE status = 'processing' RETURNING 1
         ), chunkings AS (
           UPDATE jobs SET lease_expires_at = lease_expires_at + $1::interval WHERE status = 'chunking' RETURNING 1
         ), claims AS (
           UPDATE embedding_claims SET expires_at = expires_at + $1::interval RETURNING 1
         )
         SELECT (SELECT count(*) FROM chunks)::integer + (SELECT count(*) FROM chunkings)::integer
              + (SELECT count(*) FROM claims)::integer AS rows`,
        [byInterval],
      );
      const stepped = rows[0]?.rows ?? 0;
      if (stepped > 0 || Date.now() > deadline) {
        begin(`${stepped} deadlines by ${byInterval}`);
        return;
      }
      await sleep(lookAgainMs, undefined, { signal: this.signal });
    }
  }
}

/** Names what cannot have two faults at once. Undefined for processes: there are several of each. */
function targetOf(kind: FaultKind): string | undefined {
  if (kind.startsWith('provider-')) {
    return 'provider';
  }
  if (kind.endsWith('-redis')) {
    return 'redis';
  }
  return kind === 'crash-postgres' || kind.startsWith('clock-') ? 'postgres' : undefined;
}

async function flushAll(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
}
