import type { IConnected } from 'pg-promise';
import type { IClient } from 'pg-promise/typescript/pg-subset';
import { isConnectionLost, isUnavailable, translateSqlError } from './sqlErrors';

export type Connection = IConnected<unknown, IClient>;

/**
 * A connection that is lent to one caller. It tells the errors of its own statements, translated, from all others: work
 * inside a transaction may fail with the same codes for reasons of its own, such as a file that is not there.
 */
export class PooledConnection {
  /** Whether it cannot be lent to anybody else. */
  private broken = false;
  private readonly failures = new WeakSet<object>();

  constructor(private readonly connection: Connection) {}

  /**
   * Runs statements, or COPY, on the connection.
   * @throws what the driver says, translated
   */
  async run<T>(statements: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      return await statements(this.connection);
    } catch (thrown) {
      this.broken ||= isUnavailable(thrown);
      const error = translateSqlError(thrown);
      if (typeof error === 'object' && error !== null) {
        this.failures.add(error);
      }
      throw error;
    }
  }

  /** True when `error` says that this very connection is gone. */
  isLostBy(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.failures.has(error) && isConnectionLost(error);
  }

  /** Ends the transaction after a failure; what cannot be rolled back ends with its connection. */
  async rollBack(): Promise<void> {
    if (!this.broken) {
      await this.connection.none('ROLLBACK').catch(() => {
        this.broken = true;
      });
    }
  }

  async release(): Promise<void> {
    await this.connection.done(this.broken);
  }
}
