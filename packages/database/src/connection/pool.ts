import { once } from 'node:events';
import { MillraceError } from '@millrace/contracts';
import type { PoolConfig } from 'pg';
import pgPromise, { type IDatabase } from 'pg-promise';
import type { IClient, IConnectionParameters } from 'pg-promise/typescript/pg-subset';
import { RetryableConnectionError } from './outageRetry';
import { PooledConnection } from './pooledConnection';
import { isConnectionLost, translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

// Without it pg-promise warns of a second pool to the same server. A read URL may make one, and tests make many.
const noWarnings = true;
const pgp = pgPromise({ noWarnings });

export interface PoolOptions {
  url: string;
  /** The CA that signs the server's certificate, unless the URL names one. See clientConfig. */
  caFile?: string | undefined;
  /** How many idle connections stay open. The default is 0. */
  poolMin?: number | undefined;
  /** The largest number of open connections. */
  poolMax: number;
  /** How long a caller waits for a new or a returned connection, in milliseconds. */
  connectTimeoutMs: number;
  /** A connection beyond `poolMin` is closed when it has been idle for this many milliseconds. The default is 10 seconds. */
  idleTimeoutMs?: number | undefined;
  /** A connection is replaced at this age, in milliseconds. With 0, the default, it is never replaced. */
  maxLifetimeMs?: number | undefined;
  /** How long a statement may take, in milliseconds. The default is two minutes. */
  statementTimeoutMs?: number | undefined;
  /** The name that pg_stat_activity shows. */
  applicationName: string;
  /** Is called with every statement of a repository before it is sent, without its values: they may be texts, hashes or keys. */
  onStatement?: ((statement: string) => void) | undefined;
}

/** The number of connections of a pool, by what they do at the moment. */
export interface PoolCounts {
  /** In use, or being opened for a caller. */
  active: number;
  idle: number;
  /** Callers that wait for a connection. */
  waiting: number;
  /** The largest number of open connections. */
  max: number;
}

const defaultStatementTimeoutMs = 120_000;

/** The server ends a statement at its timeout. When it does not answer for this much longer, it is frozen or gone. */
const answerGraceMs = 5_000;

/** How long `close` waits for the server to close its end of the connections. */
const maxCloseMs = 5_000;

/** Connections to one PostgreSQL server. They are opened when needed and returned after use. */
export class Pool {
  /**
   * SQL that sets the statement timeout of the current transaction. Each transaction sets it again: behind a pooler in
   * transaction mode a session's settings would reach other clients, and PgBouncer refuses `statement_timeout` when a
   * connection is opened.
   */
  readonly statementLimit: string;
  private readonly database: IDatabase<unknown>;
  private readonly onStatement: PoolOptions['onStatement'];
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
      // Without keep-alive, a caller would wait for ever when the server's machine or network fails.
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      query_timeout: statementTimeoutMs + answerGraceMs,
    };
    // pg-promise's type lags behind the pool's options.
    this.database = pgp(settings as IConnectionParameters<IClient>);
    this.onStatement = options.onStatement;
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
   * Runs `work` on a connection that no other caller uses meanwhile. A connection that failed is closed afterwards.
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
      return new PooledConnection(await this.database.connect(), this.onStatement);
    } catch (error) {
      const translated = translateSqlError(error);
      if (isConnectionLost(error)) {
        throw new RetryableConnectionError(translated);
      }
      const isBusy = translated instanceof MillraceError && translated.code === 'DATABASE_BUSY';
      if (isBusy && this.isOpening()) {
        // The caller waited for a connection that the server does not answer.
        throw new RetryableConnectionError(noAnswer(error));
      }
      throw translated;
    }
  }

  /** True while some of the pool's connections are not established yet. */
  private isOpening(): boolean {
    return this.database.$pool.totalCount > this.open;
  }

  /** Ends every connection. Waits up to five seconds for the server to close them too, because it may be unreachable. */
  async close(): Promise<void> {
    const { $pool } = this.database;
    // When the server stops meanwhile, it reports that on the connections that are being closed. The pool emits an error
    // event for it, and an error event without a listener would end the process.
    $pool.on('error', () => undefined);
    await $pool.end();
    // The pool's end() resolves when it has sent its last message, before the server has closed the connections.
    const signal = AbortSignal.timeout(maxCloseMs);
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
