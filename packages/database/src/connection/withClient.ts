import { Client, type ClientConfig } from 'pg';
import { translateSqlError } from './sqlErrors';
import { clientConfig } from './tls';

/** The address of a database, for programs that connect without a pool. */
export interface DatabaseAddress {
  databaseUrl: string;
  /** The CA that signs the server's certificate, unless the URL names one. */
  caFile?: string | undefined;
}

/**
 * Opens a connection, runs `work` on it and closes it.
 * @param settings the driver's settings, at least `application_name`.
 * @throws MillraceError DATABASE_UNAVAILABLE or DATABASE_TLS_FAILED, and what `work` throws.
 */
export async function withClient<T>(
  { databaseUrl, caFile }: DatabaseAddress,
  settings: ClientConfig,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client({
    ...clientConfig(databaseUrl, caFile),
    // A connection sends nothing for a long time while an index is built. Without keep-alive, routers would drop it.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...settings,
  });
  // A broken connection fails its statement. It also emits an error event, which would end the process without a listener.
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
