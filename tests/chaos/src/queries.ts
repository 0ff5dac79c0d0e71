import { Pool, type QueryResultRow } from 'pg';

/** Something that answers statements. */
export interface Queryable {
  query<Row extends QueryResultRow>(statement: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** The application name of the run's own connections, which are not counted as leaked. */
export const ownName = 'chaos';

/** A connection pool for looking at the run's database, which survives the server's crashes. */
export function lookingAt(databaseUrl: string): Queryable & { end(): Promise<void> } {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 2,
    application_name: ownName,
    connectionTimeoutMillis: 5_000,
  });
  // A connection that breaks while idle; the next statement opens another.
  pool.on('error', () => undefined);
  return {
    query: <Row extends QueryResultRow>(statement: string, values?: unknown[]) => pool.query<Row>(statement, values),
    end: () => pool.end(),
  };
}
