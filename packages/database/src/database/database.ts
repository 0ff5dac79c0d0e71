import { MillraceError } from '@millrace/contracts';
import { copyInto, onConnection, onPool } from '../connection/execute';
import { OutageRetry, RetryableConnectionError } from '../connection/outageRetry';
import { Pool, type PoolCounts, type PoolOptions } from '../connection/pool';
import { Replica } from '../connection/replica';
import { retryRolledBack } from '../connection/rollbackRetry';
import { Sql } from '../connection/sql';
import { isRolledBack, wasNotExecuted } from '../connection/sqlErrors';
import { KnownIndexes } from '../vectorIndex/knownIndexes';
import { Session } from './session';

export interface DatabaseOptions extends PoolOptions {
  /** How long statements and transactions wait for an unreachable server, in milliseconds. 0, the default, does not wait. */
  maxOutageMs?: number | undefined;
  /** The URL of a read replica, for reads that may be slightly out of date. */
  readUrl?: string | undefined;
  /** How far the replica may lag and still be read, in milliseconds. The default is 5 seconds. */
  readMaxLagMs?: number | undefined;
  /** Called with the reason when reads leave the server of `readUrl`, and with null when they return to it. */
  onReadChange?: ((whyNot: string | null) => void) | undefined;
}

const defaultReadMaxLagMs = 5_000;

/**
 * Connections to PostgreSQL with the repositories on them.
 *
 * While the server restarts, work waits for it for up to `maxOutageMs` and then runs, so that callers notice only a delay.
 * Work runs again only where nothing can happen twice:
 * - No connection could be made. Nothing was sent.
 * - The COMMIT of a transaction had not been sent. The server has rolled it back.
 * - A statement or COMMIT was sent and is known not to have been executed (see wasNotExecuted).
 * - The work was a single SELECT, or ran in `read`. Both change nothing.
 * One case remains. A COMMIT or a changing statement was sent, and the connection breaks before the server answers, for
 * example because it crashes. The caller gets DATABASE_UNAVAILABLE at once, because only the caller knows whether the work
 * may happen twice (see untilAvailable).
 */
export class Database extends Session {
  /** Statements that do not wait while the server is unreachable. For health checks. */
  readonly probe: Sql;
  private readonly pool: Pool;
  private readonly outages: OutageRetry;
  private readonly replica: Replica | null;
  /** A replica gets and loses an index later than the primary. */
  private readonly replicaIndexes = new KnownIndexes();

  constructor(options: DatabaseOptions) {
    const pool = new Pool(options);
    const outages = new OutageRetry(options.maxOutageMs ?? 0);
    super(onPool(pool, outages));
    this.pool = pool;
    this.outages = outages;
    this.probe = onPool(pool, new OutageRetry(0));
    this.replica = options.readUrl ? openReplica(pool, options, options.readUrl) : null;
  }

  /** Returns the current number of connections of each pool. */
  counts(): Record<string, PoolCounts> {
    return { primary: this.pool.counts(), ...(this.replica ? { read: this.replica.pool.counts() } : {}) };
  }

  /** Returns whether `read` currently runs on the server of `readUrl`. */
  readsReplica(): boolean {
    return this.replica?.isFresh() ?? false;
  }

  /**
   * Runs `work` in one transaction, with all repositories and COPY. A deadlock, a serialization failure or a lost
   * connection rolls the transaction back and runs `work` again, so `work` must have no effects outside the database.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.outages.run(() => retryRolledBack(() => this.tryTransaction(this.pool, work)));
  }

  /**
   * Runs `work` in one read-only transaction, on the replica if that is fresh enough. `work` may see the database as it
   * was up to `readMaxLagMs` ago, so it must not decide about changes. It runs again when the connection is lost.
   */
  async read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.replica?.isFresh()) {
      try {
        return await this.tryTransaction(this.replica.pool, work, {
          readOnly: true,
          vectorIndexes: this.replicaIndexes,
        });
      } catch (error) {
        if (!isReplicaFailure(error)) {
          throw error;
        }
        this.replica.distrust();
      }
    }
    return this.outages.run(() => this.tryTransaction(this.pool, work, { readOnly: true }));
  }

  /**
   * Runs `work` under the advisory lock `key`, unless another process, on any machine, holds that lock. The lock belongs
   * to a transaction that stays open while `work` runs. So it also works behind a transaction pooler, and it ends with its
   * holder. A frozen holder loses it after `limitMs`. `work` does not run again when the connection is lost.
   * @returns whether `work` ran.
   */
  async tryWithLock(key: number, limitMs: number, work: () => Promise<void>): Promise<boolean> {
    try {
      return await this.tryTransaction(this.pool, async ({ sql }) => {
        await sql.none(`SET LOCAL idle_in_transaction_session_timeout = ${Math.trunc(limitMs)}`);
        const { locked } = await sql.one<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [key]);
        if (locked) {
          await work();
        }
        return locked;
      });
    } catch (error) {
      throw error instanceof RetryableConnectionError ? error.reason : error;
    }
  }

  /** Stops waiting for an unreachable server: work fails at once from now on. For a process that is stopping. */
  stopRetrying(): void {
    this.outages.stop();
  }

  /** Ends every connection and waits until the server has closed them too. The database cannot be used afterwards. */
  async close(): Promise<void> {
    this.stopRetrying();
    await Promise.all([this.replica?.close(), this.pool.close()]);
  }

  /** @throws RetryableConnectionError when the connection was lost and the transaction is known not to be committed. */
  private tryTransaction<T>(
    pool: Pool,
    work: (session: Session) => Promise<T>,
    { readOnly = false, vectorIndexes = this.vectorIndexes } = {},
  ): Promise<T> {
    return pool.run(async (connection) => {
      let mayBeCommitted = false;
      try {
        await connection.run((client) => client.none(`BEGIN${readOnly ? ' READ ONLY' : ''}; ${pool.statementLimit}`));
        const sql = new Sql(onConnection(connection), copyInto(connection));
        const result = await work(new Session(sql, vectorIndexes));
        mayBeCommitted = !readOnly;
        await connection.run((client) => client.none('COMMIT'));
        return result;
      } catch (error) {
        if (connection.wasLostWith(error) && (!mayBeCommitted || wasNotExecuted(error))) {
          throw new RetryableConnectionError(error);
        }
        await connection.rollBack();
        throw error;
      }
    });
  }
}

function openReplica(primary: Pool, options: DatabaseOptions, url: string): Replica {
  const { readMaxLagMs = defaultReadMaxLagMs, onReadChange = () => undefined } = options;
  return new Replica(primary, new Pool({ ...options, url }), readMaxLagMs, onReadChange);
}

/** True when the replica failed and not the work, so that the work may run on the primary. */
function isReplicaFailure(error: unknown): boolean {
  const isUnavailable = error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE';
  return isUnavailable || error instanceof RetryableConnectionError || isRolledBack(error);
}
