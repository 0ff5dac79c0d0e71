import { clientConfig } from '@millrace/database';
import { Client, DatabaseError } from 'pg';
import { messageOf } from '../system/context';

/** The versions of a PostgreSQL server. */
export interface PostgresAnswer {
  readonly major: number;
  /** The version of pgvector that the server can install, or undefined when it has none. */
  readonly vectorVersion: string | undefined;
}

/** Connects, runs `work` and disconnects. */
export async function withClient<T>(
  connectionString: string,
  timeoutMs: number,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    ...clientConfig(connectionString),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  });
  // A connection that breaks while idle emits an event. The next query fails with the reason.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Reads the versions of the server and of pgvector. */
export function probePostgres(url: string, timeoutMs: number): Promise<PostgresAnswer> {
  return withClient(url, timeoutMs, async (client) => {
    const { rows } = await client.query<{ version: string; vector: string | null }>(
      `SELECT current_setting('server_version_num') AS version,
              (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS vector`,
    );
    const [row] = rows;
    return { major: Math.floor(Number(row?.version) / 10_000), vectorVersion: row?.vector ?? undefined };
  });
}

/** Returns the server's data folder, or undefined when it refuses this URL. The user must be a superuser. */
export async function dataDirectoryOf(url: string): Promise<string | undefined> {
  try {
    return await withClient(url, 5_000, async (client) => {
      const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory');
      return rows[0]?.data_directory;
    });
  } catch {
    // Either nothing listens there, or another server does: the password is refused.
    return undefined;
  }
}

/** Makes a database unless it exists. */
export async function createDatabase(url: string, name: string): Promise<void> {
  await withClient(url, 20_000, async (client) => {
    try {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
    } catch (error) {
      const duplicate = '42P04';
      if (!(error instanceof DatabaseError && error.code === duplicate)) {
        throw new Error(`The database ${name} cannot be made: ${messageOf(error)}.`, { cause: error });
      }
    }
  });
}
