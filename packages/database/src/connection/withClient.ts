import { Client, type ClientConfig } from 'pg';
import { translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

/** A database, as programs need it that work on it outside any pool. */
export interface DatabaseAddress {
  databaseUrl: string;
  /** The CA that signs the server's certificate, where the URL names none. */
  caFile?: string | undefined;
}

/**
 * Runs `work` on a connection of its own, and ends it.
 * @param settings the driver's, `application_name` first of all
 * @throws MillraceError DATABASE_UNAVAILABLE or DATABASE_TLS_FAILED, and what `work` throws
 */
export async function withClient<T>(
  { databaseUrl, caFile }: DatabaseAddress,
  settings: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    ...clientConfig(databaseUrl, caFile),
    // Where nothing is said for long, as while an index is built, what is in between forgets the connection.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...settings,
  });
  // A connection that breaks fails its statement; the event beside it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw translateSqlError(error);
  } finally {
    await client.end();
  }
}
