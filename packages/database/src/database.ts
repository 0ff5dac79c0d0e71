import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import pgPromise, { type IConnected, type IDatabase } from 'pg-promise';
import type { IClient } from 'pg-promise/typescript/pg-subset';
import { ChunkAttempts } from './repositories/chunkAttempts';
import { Collections } from './repositories/collections';
import { DocumentChunks } from './repositories/documentChunks';
import { DocumentPages } from './repositories/documentPages';
import { Documents } from './repositories/documents';
import { EmbeddingClaims } from './repositories/embeddingClaims';
import { JobChunks } from './repositories/jobChunks';
import { Jobs } from './repositories/jobs';
import { ProviderPauses } from './repositories/providerPauses';
import { RetryGroups } from './repositories/retryGroups';
import { type CopyIn, Sql } from './sql';
import { repeatedly, translateSqlError } from './sqlErrors';

const pgp = pgPromise();

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
  readonly providerPauses: ProviderPauses;
  readonly retryGroups: RetryGroups;

  constructor(readonly sql: Sql) {
    this.collections = new Collections(sql);
    this.documents = new Documents(sql);
    this.documentPages = new DocumentPages(sql);
    this.jobs = new Jobs(sql);
    this.jobChunks = new JobChunks(sql);
    this.chunkAttempts = new ChunkAttempts(sql);
    this.documentChunks = new DocumentChunks(sql);
    this.embeddingClaims = new EmbeddingClaims(sql);
    this.providerPauses = new ProviderPauses(sql);
    this.retryGroups = new RetryGroups(sql);
  }
}

export interface DatabaseOptions {
  url: string;
  /** Most connections the pool opens. */
  poolMax: number;
  /** How long to wait for a connection before DATABASE_UNAVAILABLE, in milliseconds. */
  connectTimeoutMs: number;
  /** Shown in pg_stat_activity. */
  applicationName: string;
}

/** Longer than any statement takes. */
const longestQueryMs = 120_000;

/** How long to wait for the server to close a connection that we are done with. */
const longestGoodbyeMs = 5_000;

/** How often a transaction, or a statement that is one by itself, is run before a deadlock is an error. */
const tries = 5;

const copyNeedsTransaction: CopyIn = () => Promise.reject(new Error('COPY runs only inside Database.transaction'));

/** A pool of connections to PostgreSQL with the repositories on it. */
export class Database extends Session {
  private readonly pool: IDatabase<unknown>;
  /** Connections the server may still know: opened, and not yet closed to the end. */
  private open = 0;

  constructor(options: DatabaseOptions) {
    const pool = pgp({
      connectionString: options.url,
      max: options.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      application_name: options.applicationName,
      // A connection whose other end is gone without a word must not hold its user for ever.
      keepAlive: true,
      query_timeout: longestQueryMs,
    });
    super(new Sql(pool, copyNeedsTransaction, tries));
    this.pool = pool;
    pool.$pool.on('connect', () => {
      this.open += 1;
    });
    pool.$pool.on('remove', () => {
      this.open -= 1;
    });
  }

  /**
   * Runs `work` in one transaction with the same repositories, COPY included. A deadlock or serialization failure
   * rolls it back and runs it again (five times at most), so `work` must not have effects outside the database.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return repeatedly(() => this.transactionOnce(work), tries);
  }

  private async transactionOnce<T>(work: (session: Session) => Promise<T>): Promise<T> {
    // A connection of our own, because pg-promise's transactions do not show the client that COPY needs.
    const connection: IConnected<unknown, IClient> = await this.pool.connect();
    let broken = true;
    try {
      const result = await connection.tx((tx) => work(new Session(new Sql(tx, copyInto(connection.client)))));
      broken = false;
      return result;
    } catch (error) {
      broken = translateSqlError(error) !== error;
      throw error;
    } finally {
      // A connection that failed is thrown away rather than handed to the next caller.
      await connection.done(broken);
    }
  }

  /**
   * Runs `work` unless another process is inside this method with the same key, on any machine. The lock belongs to a
   * transaction that stays open meanwhile, so it works through a transaction pooler as well, and ends with its holder;
   * a holder that is frozen loses it after `limitMs`.
   * @returns whether `work` ran.
   */
  async exclusively(key: number, limitMs: number, work: () => Promise<void>): Promise<boolean> {
    try {
      return await this.transactionOnce(async (session) => {
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
      throw translateSqlError(error);
    }
  }

  /**
   * Ends every connection and waits until the server has closed them too (five seconds at most: it may be gone without
   * a word); the database cannot be used afterwards.
   */
  async close(): Promise<void> {
    const { $pool } = this.pool;
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

function copyInto(client: IClient): CopyIn {
  return async (statement, data) => {
    const stream = client.query(copyFrom(statement) as never) as unknown as NodeJS.WritableStream;
    await pipeline(Readable.from(data, { objectMode: false }), stream);
  };
}
