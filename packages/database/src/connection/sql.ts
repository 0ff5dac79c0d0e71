import type { IBaseProtocol } from 'pg-promise';

/** Sends data in PostgreSQL's binary COPY format to a `COPY ... FROM STDIN (FORMAT binary)` statement. */
export type CopyIn = (statement: string, data: Iterable<Buffer>) => Promise<void>;

/** Runs a statement: chooses its connection, repeats it where that is safe, and translates driver errors. */
export type Runner = <T>(
  statement: string,
  send: (client: IBaseProtocol<unknown>, statement: string) => Promise<T>,
) => Promise<T>;

/** The statements that a repository can run, named by how many rows must come back (pg-promise's names). */
export class Sql {
  constructor(
    private readonly run: Runner,
    readonly copyIn: CopyIn,
  ) {}

  /** Returns exactly one row, or throws. */
  one<T>(statement: string, values?: unknown): Promise<T> {
    return this.run(statement, (client, text) => client.one<T>(text, values));
  }

  /** Returns one row or null. Throws when there are more. */
  oneOrNone<T>(statement: string, values?: unknown): Promise<T | null> {
    return this.run(statement, (client, text) => client.oneOrNone<T>(text, values));
  }

  /** Returns any number of rows. */
  many<T>(statement: string, values?: unknown): Promise<T[]> {
    return this.run(statement, (client, text) => client.any<T>(text, values));
  }

  /** Runs a statement that must return no rows. */
  async none(statement: string, values?: unknown): Promise<void> {
    await this.run(statement, (client, text) => client.none(text, values));
  }

  /** Returns how many rows the statement inserted, updated or deleted. */
  async affected(statement: string, values?: unknown): Promise<number> {
    const result = await this.run(statement, (client, text) => client.result(text, values));
    return result.rowCount;
  }
}
