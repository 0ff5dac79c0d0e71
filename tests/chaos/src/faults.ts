import { setTimeout as sleep } from 'node:timers/promises';
import type { PrivateServers, ProgramName } from '@millrace/stack';
import { Redis } from 'ioredis';
import type { Client } from './client';
import type { Fleet, Post } from './fleet';
import type { FaultKind, PlannedFault } from './plan';
import type { Provider } from './provider';
import type { Queryable } from './queries';
import type { Random } from './random';

/** How long a fault waits for a moment at which it does harm. */
const aimMs = 3_000;
const lookAgainMs = 10;

/** What the faults are done to. */
export interface Arena {
  servers: PrivateServers;
  fleet: Fleet;
  provider: Provider;
  client: Client;
  database: Queryable;
}

/** A fault that has been done. */
export interface Fault {
  kind: FaultKind;
  startedAt: number;
  /** When all is as it was before: the process runs again, the server answers, the provider is well. */
  endedAt: number;
  /** The key of the embedder that it hit. */
  victim?: string | undefined;
  /** For the log. */
  detail: string;
}

/** Does what the plan says. Faults overlap, except those of the same thing: a server that is down is not killed again. */
export class Saboteur {
  readonly done: Fault[] = [];
  private readonly busy = new Map<string, Promise<void>>();

  constructor(
    private readonly arena: Arena,
    private readonly random: Random,
    private readonly log: (line: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** Resolves when the last fault is over and everything runs; settles only when no fault is under way. */
  async carryOut(faults: readonly PlannedFault[], startedAt: number): Promise<void> {
    const under: Promise<void>[] = [];
    try {
      for (const fault of faults) {
        await sleep(Math.max(0, startedAt + fault.at - Date.now()), undefined, { signal: this.signal });
        under.push(this.inTurn(targetOf(fault.kind), () => this.inflict(fault)));
      }
      await Promise.all(under);
    } finally {
      await Promise.allSettled(under);
    }
    await this.arena.fleet.untilComplete();
  }

  /** Leaves the system alone with a fault; not for as long when the run is broken off. */
  private async leaveAlone(ms: number): Promise<void> {
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

  private async inflict({ kind, lastsMs }: PlannedFault): Promise<void> {
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
    const { servers, fleet, provider } = this.arena;
    switch (fault.kind) {
      case 'kill-api':
      case 'kill-chunker':
      case 'kill-embedder':
      case 'kill-reconciler': {
        const post = await this.choose(fault.kind.slice('kill-'.length) as ProgramName);
        fault.victim = post.apiKey;
        begin(`${post.process?.name}, down for ${lastsMs} ms`);
        await fleet.kill(post, lastsMs);
        return;
      }
      case 'pause-embedder': {
        const post = await this.choose('embedder');
        fault.victim = post.apiKey;
        begin(`${post.process?.name} for ${lastsMs} ms`);
        post.paused = true;
        post.process?.kill('SIGSTOP');
        await this.leaveAlone(lastsMs);
        post.process?.kill('SIGCONT');
        post.paused = false;
        return;
      }
      case 'flush-redis':
        begin('');
        await flushAll(servers.redisUrl);
        return;
      case 'crash-redis':
        begin(`down for ${lastsMs} ms`);
        await servers.crashRedis();
        await this.leaveAlone(lastsMs);
        await servers.restartRedis();
        return;
      case 'crash-postgres':
        begin(`down for ${lastsMs} ms`);
        await servers.crashPostgres();
        await this.leaveAlone(lastsMs);
        await servers.restartPostgres();
        return;
      case 'clock-forward':
      case 'clock-back':
        await this.stepClock(fault.kind === 'clock-forward' ? '-1 hour' : '1 hour', begin);
        return;
      default:
        begin(`for ${lastsMs} ms`);
        provider.fault = fault.kind;
        await this.leaveAlone(lastsMs);
        provider.fault = undefined;
    }
  }

  /** One that is on duty, and busy if one is busy soon. */
  private async choose(program: ProgramName): Promise<Post> {
    const giveUpAt = Date.now() + aimMs;
    for (;;) {
      const onDuty = this.arena.fleet.posts.filter((post) => post.program === program && post.process && !post.paused);
      const busy = await this.thoseAtWork(onDuty);
      if (busy.length > 0 || (onDuty.length > 0 && Date.now() > giveUpAt)) {
        return this.random.pick(busy.length > 0 ? busy : onDuty);
      }
      await sleep(lookAgainMs, undefined, { signal: this.signal });
    }
  }

  /** Those that a fault would interrupt: an API that receives, a chunker that reads, an embedder that waits. */
  private async thoseAtWork(posts: readonly Post[]): Promise<Post[]> {
    const { client, provider, database } = this.arena;
    switch (posts[0]?.program) {
      case 'api':
        return client.inFlight > 0 ? [...posts] : [];
      case 'chunker': {
        const { rows } = await database
          .query<{ worker: string }>(`SELECT worker FROM jobs WHERE status = 'chunking'`)
          // The server is away; then there is nobody at work either.
          .catch(() => ({ rows: [] }));
        return posts.filter((post) => rows.some(({ worker }) => worker.endsWith(`:${post.process?.pid}`)));
      }
      case 'embedder': {
        const callers = provider.callersInFlight();
        return posts.filter((post) => callers.includes(post.apiKey));
      }
      default:
        return [...posts];
    }
  }

  /** A clock that jumps ahead makes every deadline lie back, and the other way round. */
  private async stepClock(byInterval: string, begin: (detail: string) => void): Promise<void> {
    const giveUpAt = Date.now() + aimMs;
    for (;;) {
      const { rows } = await this.arena.database.query<{ rows: number }>(
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
      if (stepped > 0 || Date.now() > giveUpAt) {
        begin(`${stepped} deadlines by ${byInterval}`);
        return;
      }
      await sleep(lookAgainMs, undefined, { signal: this.signal });
    }
  }
}

/** What cannot have two faults at once; undefined for processes, of which there are several. */
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
