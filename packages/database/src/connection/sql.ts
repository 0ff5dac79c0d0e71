import type { IBaseProtocol } from 'pg-promise';

/** Sends the rows, already in PostgreSQL's binary COPY format, to a `COPY ... FROM STDIN (FORMAT binary)` statement. */
export type CopyIn = (statement: string, data: Iterable<Buffer>) => Promise<void>;

/**
 * Chooses the connection on which a statement runs, how often it is tried, and translates driver errors: at the
 * repositories' edge, and nowhere else.
 */
export type Runner = <T>(
  statement: string,
  run: (protocol: IBaseProtocol<unknown>, statement: string) => Promise<T>,
) => Promise<T>;

/** The statements a repository can run, named by how many rows must come back (pg-promise's names). */
export class Sql {
  constructor(
    private readonly run: Runner,
    readonly copyIn: CopyIn,
  ) {}

  /** Exactly one row. */
  one<T>(statement: string, values?: unknown): Promise<T> {
    return this.run(statement, (protocol, text) => protocol.one<T>(text, values));
  }

  oneOrNone<T>(statement: string, values?: unknown): Promise<T | null> {
    return this.run(statement, (protocol, text) => protocol.oneOrNone<T>(text, values));
  }

  /** Any number of rows. */
  many<T>(statement: string, values?: unknown): Promise<T[]> {
    return this.run(statement, (protocol, text) => protocol.any<T>(text, values));
  }

  /** No rows. */
  async none(statement: string, values?: unknown): Promise<void> {
    await this.run(statement, (protocol, text) => protocol.none(text, values));
  }

  /** The number of rows the statement inserted, updated or deleted. */
  async affected(statement: string, values?: unknown): Promise<number> {
    const result = await this.run(statement, (protocol, text) => protocol.result(text, values));
    return result.rowCount;
  }
}
