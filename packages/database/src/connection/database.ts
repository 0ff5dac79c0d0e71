import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { MillraceError } from '@millrace/contracts';
import { from as copyFrom } from 'pg-copy-streams';
import { ChunkAttempts } from '../repositories/chunkAttempts';
import { Collections } from '../repositories/collections';
import { DocumentChunks } from '../repositories/documentChunks';
import { DocumentPages } from '../repositories/documentPages';
import { Documents } from '../repositories/documents';
import { EmbeddingClaims } from '../repositories/embeddingClaims';
import { EmbeddingModelsRepository } from '../repositories/embeddingModels';
import { JobChunks } from '../repositories/jobChunks';
import { Jobs } from '../repositories/jobs';
import { ProviderPauses } from '../repositories/providerPauses';
import { RetryGroups } from '../repositories/retryGroups';
import { KnownIndexes } from '../vectorIndex/knownIndexes';
import { NotDone, Patience } from './outage';
import { Pool, type PoolCounts, type PoolOptions } from './pool';
import type { PooledConnection } from './pooledConnection';
import { Replica } from './replica';
import { type CopyIn, type Runner, Sql } from './sql';
import { isRolledBack, repeatedly, surelyNotDone } from './sqlErrors';

/** The repositories, all speaking over one connection or one pool. */
export class Session {
  readonly collections: Collections;
  readonly documents: Documents;
  readonly documentPages: DocumentPages;
  readonly jobs: Jobs;
  readonly jobChunks: JobChunks;
  readonly chunkAttempts: ChunkAttempts;
  readonly documentChunks: DocumentChunks;
  readonly embeddingClaims: EmbeddingClaims;
  readonly embeddingModels: EmbeddingModelsRepository;
  readonly providerPauses: ProviderPauses;
  readonly retryGroups: RetryGroups;

  constructor(
    readonly sql: Sql,
    readonly vectorIndexes: KnownIndexes = new KnownIndexes(),
  ) {
    this.collections = new Collections(sql);
    this.documents = new Documents(sql);
    this.documentPages = new DocumentPages(sql);
    this.jobs = new Jobs(sql);
    this.jobChunks = new JobChunks(sql);
    this.chunkAttempts = new ChunkAttempts(sql);
    this.documentChunks = new DocumentChunks(sql, vectorIndexes);
    this.embeddingClaims = new EmbeddingClaims(sql);
    this.embeddingModels = new EmbeddingModelsRepository(sql);
    this.providerPauses = new ProviderPauses(sql);
    this.retryGroups = new RetryGroups(sql);
  }
}

export interface DatabaseOptions extends PoolOptions {
  /** How long statements and transactions wait for a server that is away, in milliseconds; not at all when left out. */
  maxOutageMs?: number | undefined;
  /** A replica of the server, for what may be a little out of date. */
  readUrl?: string | undefined;
  /** How far the replica may lag behind to be read, in milliseconds; 5 seconds when left out. */
  readMaxLagMs?: number | undefined;
  /** Told when the server of `readUrl` is read no more, and why; and when it is read again, with null. */
  onReadChange?: ((whyNot: string | null) => void) | undefined;
}

const defaultReadMaxLagMs = 5_000;

/** How often a transaction, or a statement that is one by itself, is run before a deadlock is an error. */
const tries = 5;

const copyNeedsTransaction: CopyIn = () => Promise.reject(new Error('COPY runs only inside Database.transaction'));

/** What begins so changes nothing: our SELECTs call no functions that do. */
const isRead = (statement: string) => /^\s*SELECT\b/i.test(statement);

/**
 * A pool of connections to PostgreSQL with the repositories on it.
 *
 * While the server restarts, work waits for it up to `maxOutageMs` and is run then or once more, so that nobody notices
 * but by the time it took. That is done only where nothing can happen twice:
 * - no connection could be made: nothing has been sent, so anything may be run again;
 * - a transaction whose COMMIT had not been sent: the server has rolled it back;
 * - a statement or a COMMIT that has surely not happened (surelyNotDone says how that is known);
 * - a SELECT by itself, and what runs in `read`: they change nothing.
 * What remains, a connection that breaks without a word after a COMMIT or a changing statement was sent, as when the
 * server crashes, is DATABASE_UNAVAILABLE at once: it may have happened, and only the caller knows whether it may happen
 * twice (see untilAvailable).
 */
export class Database extends Session {
  /** Statements that do not wait while the server is away: for asking whether it is. */
  readonly probe: Sql;
  private readonly pool: Pool;
  private readonly patience: Patience;
  private readonly replica: Replica | null;
  /** A replica gets and loses an index later than the primary. */
  private readonly replicaIndexes = new KnownIndexes();

  constructor(options: DatabaseOptions) {
    const pool = new Pool(options);
    const patience = new Patience(options.maxOutageMs ?? 0);
    super(new Sql(onPool(pool, patience), copyNeedsTransaction));
    this.pool = pool;
    this.patience = patience;
    this.replica = options.readUrl ? replicaOf(pool, options, options.readUrl) : null;
    this.probe = new Sql(onPool(pool, new Patience(0)), copyNeedsTransaction);
  }

  /** The connections just now, by pool. */
  counts(): Record<string, PoolCounts> {
    return { primary: this.pool.counts(), ...(this.replica ? { read: this.replica.pool.counts() } : {}) };
  }

  /** Whether `read` runs on the server of `readUrl` just now. */
  readsReplica(): boolean {
    return this.replica?.isFresh() ?? false;
  }

  /**
   * Runs `work` in one transaction with the same repositories, COPY included. A deadlock, a serialization failure or the
   * loss of the connection rolls it back and runs it again, so `work` must not have effects outside the database.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.patience.run(() => repeatedly(() => this.once(this.pool, work), tries));
  }

  /**
   * Runs `work`, which changes nothing and decides nothing, in one transaction; again when the connection is lost. It may
   * see the database as it was up to `readMaxLagMs` ago: it runs on the replica, if there is one that is fresh enough.
   */
  async read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    if (this.replica?.isFresh()) {
      try {
        return await this.once(this.replica.pool, work, { readOnly: true, vectorIndexes: this.replicaIndexes });
      } catch (error) {
        const isAway = error instanceof MillraceError && error.code === 'DATABASE_UNAVAILABLE';
        if (!(error instanceof NotDone || isAway || isRolledBack(error))) {
          throw error;
        }
        this.replica.distrust();
      }
    }
    return this.patience.run(() => this.once(this.pool, work, { readOnly: true }));
  }

  /**
   * Runs `work` unless another process is inside this method with the same key, on any machine. The lock belongs to a
   * transaction that stays open meanwhile, so it works through a transaction pooler as well, and ends with its holder;
   * a holder that is frozen loses it after `limitMs`. Nothing is run again when the connection is lost.
   * @returns whether `work` ran.
   */
  async exclusively(key: number, limitMs: number, work: () => Promise<void>): Promise<boolean> {
    try {
      return await this.once(this.pool, async (session) => {
        await session.sql.none(`SET LOCAL idle_in_transaction_session_timeout = ${Math.trunc(limitMs)}`);
        const { locked } = await session.sql.one<{ locked: boolean }>(
          'SELECT pg_try_advisory_xact_lock($1) AS locked',
          [key],
        );
        if (locked) {
          await work();
        }
        return locked;
      });
    } catch (error) {
      throw error instanceof NotDone ? error.reason : error;
    }
  }

  /** From now on nothing waits for a server that is away: for a process that is to stop. */
  endWaiting(): void {
    this.patience.end();
  }

  /** Ends every connection and waits until the server has closed them too; the database cannot be used afterwards. */
  async close(): Promise<void> {
    this.endWaiting();
    await Promise.all([this.replica?.close(), this.pool.close()]);
  }

  /** One try at a transaction. */
  private once<T>(
    pool: Pool,
    work: (session: Session) => Promise<T>,
    { readOnly = false, vectorIndexes = this.vectorIndexes } = {},
  ): Promise<T> {
    return pool.run(async (connection) => {
      let mayHaveChanged = false;
      try {
        await connection.run((protocol) => protocol.none(`BEGIN${readOnly ? ' READ ONLY' : ''}; ${pool.limit}`));
        const sql = new Sql(onConnection(connection), copyInto(connection));
        const result = await work(new Session(sql, vectorIndexes));
        mayHaveChanged = !readOnly;
        await connection.run((protocol) => protocol.none('COMMIT'));
        return result;
      } catch (error) {
        if (connection.isLostBy(error) && (!mayHaveChanged || surelyNotDone(error))) {
          throw new NotDone(error);
        }
        await connection.rollBack();
        throw error;
      }
    });
  }
}

function replicaOf(primary: Pool, options: DatabaseOptions, url: string): Replica {
  const { readMaxLagMs = defaultReadMaxLagMs, onReadChange = () => undefined } = options;
  return new Replica(primary, new Pool({ ...options, url }), readMaxLagMs, onReadChange);
}

/** Statements that are transactions of their own, each on any connection of the pool. */
function onPool(pool: Pool, patience: Patience): Runner {
  return (statement, run) => {
    const once = () =>
      pool.run(async (connection) => {
        try {
          // One message, which the server takes for one transaction.
          return await connection.run((protocol) => run(protocol, `${pool.limit}; ${statement}`));
        } catch (error) {
          const again = connection.isLostBy(error) && (isRead(statement) || surelyNotDone(error));
          throw again ? new NotDone(error) : error;
        }
      });
    return patience.run(() => repeatedly(once, tries));
  };
}

/** Statements of the transaction that the connection is in. */
function onConnection(connection: PooledConnection): Runner {
  return (statement, run) => connection.run((protocol) => run(protocol, statement));
}

function copyInto(connection: PooledConnection): CopyIn {
  return (statement, data) =>
    connection.run(async ({ client }) => {
      const stream = client.query(copyFrom(statement) as never) as unknown as NodeJS.WritableStream;
      await pipeline(Readable.from(data, { objectMode: false }), stream);
    });
}
