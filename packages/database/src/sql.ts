import type { IBaseProtocol } from 'pg-promise';
import { repeatedly } from './sqlErrors';

/** Sends the rows, already in PostgreSQL's binary COPY format, to a `COPY ... FROM STDIN (FORMAT binary)` statement. */
export type CopyIn = (statement: string, data: Iterable<Buffer>) => Promise<void>;

/**
 * The statements a repository can run, named by how many rows must come back (pg-promise's names).
 * Driver errors are translated here, at the repositories' edge, and nowhere else.
 */
export class Sql {
  constructor(
    private readonly protocol: IBaseProtocol<unknown>,
    readonly copyIn: CopyIn,
    /** More than 1 only where each statement is a transaction of its own, which a deadlock rolls back whole. */
    private readonly tries = 1,
  ) {}

  /** Exactly one row. */
  one<T>(statement: string, values?: unknown): Promise<T> {
    return this.run(() => this.protocol.one<T>(statement, values));
  }

  oneOrNone<T>(statement: string, values?: unknown): Promise<T | null> {
    return this.run(() => this.protocol.oneOrNone<T>(statement, values));
  }

  /** Any number of rows. */
  many<T>(statement: string, values?: unknown): Promise<T[]> {
    return this.run(() => this.protocol.any<T>(statement, values));
  }

  /** No rows. */
  async none(statement: string, values?: unknown): Promise<void> {
    await this.run(() => this.protocol.none(statement, values));
  }

  /** The number of rows the statement inserted, updated or deleted. */
  async affected(statement: string, values?: unknown): Promise<number> {
    const result = await this.run(() => this.protocol.result(statement, values));
    return result.rowCount;
  }

  private run<T>(statement: () => Promise<T>): Promise<T> {
    return repeatedly(statement, this.tries);
  }
}
