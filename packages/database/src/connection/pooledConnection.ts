import type { IConnected } from 'pg-promise';
import type { IClient } from 'pg-promise/typescript/pg-subset';
import { isConnectionLost, isUnavailable, translateSqlError } from './sqlErrors';

export type Connection = IConnected<unknown, IClient>;

/**
 * A connection that one caller uses. It remembers the errors of its own statements, because work inside a transaction may
 * fail with the same codes for other reasons, such as ENOENT for a missing file.
 */
export class PooledConnection {
  /** True when the connection must be closed after its use. */
  private isBroken = false;
  private readonly failures = new WeakSet<object>();

  constructor(
    private readonly connection: Connection,
    private readonly onStatement: ((statement: string) => void) | undefined,
  ) {}

  /** Reports to the log that this statement is sent. The report has no values. */
  note(statement: string): void {
    this.onStatement?.(statement);
  }

  /**
   * Runs statements or COPY on the connection.
   * @throws the driver's error, translated.
   */
  async run<T>(statements: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await statements(this.connection);
    } catch (thrown) {
      this.isBroken ||= isUnavailable(thrown);
      const error = translateSqlError(thrown);
      if (typeof error === 'object' && error !== null) {
        this.failures.add(error);
      }
      throw error;
    }
  }

  /** True when `error` came from this connection and means that the connection is lost. */
  wasLostWith(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.failures.has(error) && isConnectionLost(error);
  }

  /** Rolls the transaction back. If that fails, `release` closes the connection, which rolls it back too. */
  async rollBack(): Promise<void> {
    if (!this.isBroken) {
      await this.connection.none('ROLLBACK').catch(() => {
        this.isBroken = true;
      });
    }
  }

  /** Returns the connection to its pool, or closes it if it is broken. */
  async release(): Promise<void> {
    await this.connection.done(this.isBroken);
  }
}
