import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { from as copyFrom } from 'pg-copy-streams';
import { type OutageRetry, RetryableConnectionError } from './outageRetry';
import type { Pool } from './pool';
import type { PooledConnection } from './pooledConnection';
import { retryRolledBack } from './rollbackRetry';
import { type CopyIn, type Runner, Sql } from './sql';
import { wasNotExecuted } from './sqlErrors';

const copyNeedsTransaction: CopyIn = () => Promise.reject(new Error('COPY runs only inside Database.transaction.'));

/** True for a SELECT. It changes nothing, because our SELECTs call no functions that write. */
const isRead = (statement: string) => /^\s*SELECT\b/i.test(statement);

/** Returns a runner of single statements. Each is a transaction, on any free connection of the pool. */
export function onPool(pool: Pool, outages: OutageRetry): Sql {
  const run: Runner = (statement, send) => {
    const attempt = () =>
      pool.run(async (connection) => {
        connection.note(statement);
        try {
          // The server treats one message as one transaction.
          return await connection.run((client) => send(client, `${pool.statementLimit}; ${statement}`));
        } catch (error) {
          const mayRunAgain = connection.wasLostWith(error) && (isRead(statement) || wasNotExecuted(error));
          throw mayRunAgain ? new RetryableConnectionError(error) : error;
        }
      });
    return outages.run(() => retryRolledBack(attempt));
  };
  return new Sql(run, copyNeedsTransaction);
}

/** Returns a runner of statements inside the transaction of the connection. */
export function onConnection(connection: PooledConnection): Runner {
  return (statement, send) => {
    connection.note(statement);
    return connection.run((client) => send(client, statement));
  };
}

/** Returns a function that streams COPY data inside the transaction of the connection. */
export function copyInto(connection: PooledConnection): CopyIn {
  return (statement, data) =>
    connection.run(async ({ client }) => {
      const stream = client.query(copyFrom(statement) as never) as unknown as NodeJS.WritableStream;
      await pipeline(Readable.from(data, { objectMode: false }), stream);
    });
}
