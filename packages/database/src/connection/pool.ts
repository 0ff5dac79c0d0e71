import { once } from 'node:events';
import { MillraceError } from '@millrace/contracts';
import type { PoolConfig } from 'pg';
import pgPromise, { type IDatabase } from 'pg-promise';
import type { IClient, IConnectionParameters } from 'pg-promise/typescript/pg-subset';
import { RetryableConnectionError } from './outageRetry';
import { PooledConnection } from './pooledConnection';
import { isConnectionLost, translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

// pg-promise warns of a second pool to the same server. A read URL may be one, and tests make many.
const pgp = pgPromise({ noWarnings: true });

export interface PoolOptions {
  url: string;
  /** The CA that signs the server's certificate, unless the URL names one. See clientConfig. */
  caFile?: string | undefined;
  /** How many idle connections stay open. The default is 0. */
  poolMin?: number | undefined;
  /** How many connections the pool opens at most. */
  poolMax: number;
  /** How long a caller waits for a new or a returned connection, in milliseconds. */
  connectTimeoutMs: number;
  /** After which idle time a connection beyond `poolMin` is closed, in milliseconds. The default is 10 seconds. */
  idleTimeoutMs?: number | undefined;
  /** At which age a connection is replaced, in milliseconds. 0, the default, is never. */
  maxLifetimeMs?: number | undefined;
  /** How long a statement may take, in milliseconds. The default is two minutes. */
  statementTimeoutMs?: number | undefined;
  /** The name that pg_stat_activity shows. */
  applicationName: string;
}

/** The connections of a pool at one moment. */
export interface PoolCounts {
  /** In use, or being opened for a caller. */
  active: number;
  idle: number;
  /** Callers that wait for a connection. */
  waiting: number;
  /** How many connections the pool opens at most. */
  max: number;
}

const defaultStatementTimeoutMs = 120_000;

/** The server ends a statement at its timeout. A server that stays silent for this much longer is frozen or gone. */
const silenceMs = 5_000;

/** How long `close` waits for the server to close its end of the connections. */
const longestGoodbyeMs = 5_000;

/** Connections to one PostgreSQL server. They are opened when needed and returned after use. */
export class Pool {
  /**
   * SQL that sets the statement timeout of the current transaction. Each transaction sets it again: behind a pooler in
   * transaction mode a session's settings would reach other clients, and PgBouncer refuses `statement_timeout` when a
   * connection is opened.
   */
  readonly statementLimit: string;
  private readonly database: IDatabase<unknown>;
  /** Connections that are open on the server's side. */
  private open = 0;

  constructor(options: PoolOptions) {
    const statementTimeoutMs = options.statementTimeoutMs ?? defaultStatementTimeoutMs;
    this.statementLimit = `SET LOCAL statement_timeout = ${Math.trunc(statementTimeoutMs)}`;
    const settings: PoolConfig = {
      ...clientConfig(options.url, options.caFile),
      min: options.poolMin ?? 0,
      max: options.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      idleTimeoutMillis: options.idleTimeoutMs ?? 10_000,
      maxLifetimeSeconds: (options.maxLifetimeMs ?? 0) / 1000,
      application_name: options.applicationName,
      // Without keep-alive, a server that disappears without a word would block its caller for ever.
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
   * Runs `work` on a connection of its own. A connection that failed is closed and not given to the next caller.
   * @throws RetryableConnectionError when no connection could be made, DATABASE_BUSY when none became free, and what
   *   `work` throws.
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
        throw new RetryableConnectionError(translated);
      }
      const isBusy = translated instanceof MillraceError && translated.code === 'DATABASE_BUSY';
      throw isBusy && this.isOpening() ? new RetryableConnectionError(noAnswer(error)) : translated;
    }
  }

  /** True while the server has not answered some of the pool's connections yet. */
  private isOpening(): boolean {
    return this.database.$pool.totalCount > this.open;
  }

  /** Ends every connection. Waits up to five seconds for the server to close them too: it may be gone without a word. */
  async close(): Promise<void> {
    const { $pool } = this.database;
    // A server that stops now reports it on connections that are closing already. The pool emits that as an error event,
    // and an error event without a listener would end the process.
    $pool.on('error', () => undefined);
    await $pool.end();
    // The pool's end() resolves once it has said goodbye, before the server has closed the connections.
    const signal = AbortSignal.timeout(longestGoodbyeMs);
    while (this.open > 0 && !signal.aborted) {
      await once($pool, 'remove', { signal }).catch(() => undefined);
    }
  }
}

function noAnswer(cause: unknown): MillraceError {
  return new MillraceError('DATABASE_UNAVAILABLE', 'The database cannot be used: it does not answer new connections.', {
    cause,
  });
}
