import { Pool, type QueryResultRow } from 'pg';

/** What runs statements: a pool or a client. */
export interface Queryable {
  query<Row extends QueryResultRow>(statement: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** The application name of the run's own connections, which do not count as leaked. */
export const ownName = 'chaos';

/** Opens a connection pool that inspects the run's database and survives crashes of the server. */
export function lookingAt(databaseUrl: string): Queryable & { end(): Promise<void> } {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 2,
    application_name: ownName,
    connectionTimeoutMillis: 60_000,
  });
  // An idle connection has broken. The next statement opens another.
  pool.on('error', () => undefined);
  return {
    query: <Row extends QueryResultRow>(statement: string, values?: unknown[]) => pool.query<Row>(statement, values),
    end: () => pool.end(),
  };
}
