import { once } from 'node:events';
import { MillraceError } from '@millrace/contracts';
import type { PoolConfig } from 'pg';
import pgPromise, { type IDatabase } from 'pg-promise';
import type { IClient, IConnectionParameters } from 'pg-promise/typescript/pg-subset';
import { NotDone } from './outage';
import { PooledConnection } from './pooledConnection';
import { isConnectionLost, translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

// It warns of a second pool to the same server, which is what a read URL may be, and what tests make.
const pgp = pgPromise({ noWarnings: true });

export interface PoolOptions {
  url: string;
  /** The CA that signs the server's certificate, where the URL names none; see clientConfig. */
  caFile?: string | undefined;
  /** How many connections stay open when nobody needs them; 0 when left out. */
  poolMin?: number | undefined;
  /** Most connections the pool opens. */
  poolMax: number;
  /** How long to wait for a connection, be it a new one or one that others give back, in milliseconds. */
  connectTimeoutMs: number;
  /** After how long without use a connection beyond `poolMin` is closed, in milliseconds; 10 seconds when left out. */
  idleTimeoutMs?: number | undefined;
  /** After how long a connection is replaced, in milliseconds; never when left out or 0. */
  maxLifetimeMs?: number | undefined;
  /** Longest time of a statement, in milliseconds; two minutes when left out. */
  statementTimeoutMs?: number | undefined;
  /** Shown in pg_stat_activity. */
  applicationName: string;
}

/** How many connections a pool has just now, and what is asked of it. */
export interface PoolCounts {
  /** In use, or being opened for somebody. */
  active: number;
  idle: number;
  /** Callers that wait for a connection. */
  waiting: number;
  /** Most connections the pool opens. */
  max: number;
}

const defaultStatementTimeoutMs = 120_000;

/** The server ends a statement by itself; one that is silent for so much longer is frozen or gone. */
const silenceMs = 5_000;

/** How long to wait for the server to close a connection that we are done with. */
const longestGoodbyeMs = 5_000;

/** Connections to one PostgreSQL server, made when they are needed and given back after use. */
export class Pool {
  /**
   * SQL that limits the statements of the transaction it stands in. In every transaction rather than once for a
   * connection: behind a pooler in transaction mode a session's settings reach other sessions or nobody, and PgBouncer
   * refuses `statement_timeout` when a connection is opened.
   */
  readonly limit: string;
  private readonly database: IDatabase<unknown>;
  /** Connections the server may still know: opened, and not yet closed to the end. */
  private open = 0;

  constructor(options: PoolOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? defaultStatementTimeoutMs;
    this.limit = `SET LOCAL statement_timeout = ${Math.trunc(statementTimeoutMs)}`;
    const settings: PoolConfig = {
      ...clientConfig(options.url, options.caFile),
      min: options.poolMin ?? 0,
      max: options.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: options.idleTimeoutMs ?? 10_000,
      maxLifetimeSeconds: (options.maxLifetimeMs ?? 0) / 1000,
      application_name: options.applicationName,
      // A connection whose other end is gone without a word must not hold its user for ever.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      query_timeout: statementTimeoutMs + silenceMs,
    };
    // pg-promise's type lags behind the pool's options.
    this.database = pgp(settings as IConnectionParameters<IClient>);
    const { $pool } = this.database;
    $pool.on('connect', () => {
      this.open += 1;
    });
    $pool.on('remove', () => {
      this.open -= 1;
    });
  }

  counts(): PoolCounts {
    const { totalCount, idleCount, waitingCount, options } = this.database.$pool;
    return { active: totalCount - idleCount, idle: idleCount, waiting: waitingCount, max: options.max };
  }

  /**
   * Runs `work` on a connection of its own. One that has failed is thrown away rather than handed to the next caller.
   * @throws NotDone when no connection could be made, DATABASE_BUSY when none became free, and what `work` throws.
   */
  async run<T>(work: (connection: PooledConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect();
    try {
      return await work(connection);
    } finally {
      await connection.release();
    }
  }

  private async connect(): Promise<PooledConnection> {
    try {
      return new PooledConnection(await this.database.connect());
    } catch (error) {
      const translated = translateSqlError(error);
      if (isConnectionLost(error)) {
        throw new NotDone(translated);
      }
      const noneFree = translated instanceof MillraceError && translated.code === 'DATABASE_BUSY';
      throw noneFree && this.isOpening() ? new NotDone(noAnswer(error)) : translated;
    }
  }

  /** Whether places of the pool are taken by connections that the server has not answered yet. */
  private isOpening(): boolean {
    return this.database.$pool.totalCount > this.open;
  }

  /** Ends every connection and waits until the server has closed them too (five seconds at most: it may be gone without a word). */
  async close(): Promise<void> {
    const { $pool } = this.database;
    // A server that stops at this moment says so on connections that are closing already. The pool hands that on as an
    // event, which nobody else listens to any more and which would end the process.
    $pool.on('error', () => undefined);
    await $pool.end();
    // The pool calls itself ended as soon as it has said goodbye.
    const signal = AbortSignal.timeout(longestGoodbyeMs);
    while (this.open > 0 && !signal.aborted) {
      await once($pool, 'remove', { signal }).catch(() => undefined);
    }
  }
}

/** What callers hear who waited for one of a pool's connections while no new one could be opened. */
function noAnswer(cause: unknown): MillraceError {
  return new MillraceError('DATABASE_UNAVAILABLE', 'The database cannot be used: it does not answer new connections', {
    cause,
  });
}
