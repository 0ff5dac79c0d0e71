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
import { JobChunks } from './repositories/jobChunks';
import { Jobs } from './repositories/jobs';
import { type CopyIn, Sql } from './sql';
import { isRepeatable, translateSqlError } from './sqlErrors';

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

  constructor(readonly sql: Sql) {
    this.collections = new Collections(sql);
    this.documents = new Documents(sql);
    this.documentPages = new DocumentPages(sql);
    this.jobs = new Jobs(sql);
    this.jobChunks = new JobChunks(sql);
    this.chunkAttempts = new ChunkAttempts(sql);
    this.documentChunks = new DocumentChunks(sql);
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

const copyNeedsTransaction: CopyIn = () => Promise.reject(new Error('COPY runs only inside Database.transaction'));

/** A pool of connections to PostgreSQL with the repositories on it. */
export class Database extends Session {
  private readonly pool: IDatabase<unknown>;

  constructor(options: DatabaseOptions) {
    const pool = pgp({
      connectionString: options.url,
      max: options.poolMax,
      connectionTimeoutMillis: options.connectTimeoutMs,
      application_name: options.applicationName,
    });
    super(new Sql(pool, copyNeedsTransaction));
    this.pool = pool;
  }

  /**
   * Runs `work` in one transaction with the same repositories, COPY included. A deadlock or serialization failure
   * rolls it back and runs it again (three times at most), so `work` must not have effects outside the database.
   */
  async transaction<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.transactionOnce(work);
      } catch (error) {
        if (!isRepeatable(error) || attempt === 3) {
          throw translateSqlError(error);
        }
      }
    }
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

  /** Ends every connection; the database cannot be used afterwards. */
  async close(): Promise<void> {
    await this.pool.$pool.end();
  }
}

function copyInto(client: IClient): CopyIn {
  return async (statement, data) => {
    const stream = client.query(copyFrom(statement) as never) as unknown as NodeJS.WritableStream;
    await pipeline(Readable.from(data, { objectMode: false }), stream);
  };
}
