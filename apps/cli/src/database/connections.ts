import {
  configuredOwner,
  createDatabase,
  describeDatabase,
  type StackContext,
  StackError,
  withClient,
} from '@millrace/stack';

const timeoutMs = 10_000;
const invalidCatalogName = '3D000';

/** Creates the database that the URL names if the server lacks it. The user of the URL owns it. */
export async function createConfiguredDatabase(context: StackContext): Promise<void> {
  const url = configuredOwner(context)?.url;
  if (url === undefined || !URL.canParse(url)) {
    return;
  }
  try {
    await withClient(url, timeoutMs, async () => undefined);
  } catch (error) {
    if ((error as { code?: unknown }).code !== invalidCatalogName) {
      // The next use of the database names any other fault, and what to do.
      return;
    }
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    const name = decodeURIComponent(new URL(url).pathname.slice(1));
    await createDatabase(maintenance.href, name);
    context.print(`Made the database ${name}.`);
  }
}

/**
 * Looks for sessions of Millrace's services, from any machine. A service must not lose its tables while it works, and a
 * reconciler would take the originals of deleted rows for orphans. An idle service has no session and is not seen, and
 * a reconciler hardly ever is.
 * @throws StackError that names the services
 */
export async function refuseWhileServicesAreConnected(databaseUrl: string): Promise<void> {
  const names = await withClient(databaseUrl, timeoutMs, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      `SELECT DISTINCT application_name AS name FROM pg_stat_activity
       WHERE datname = current_database() AND application_name ~ '^millrace-(api|chunker|embedder|reconciler)$'
       ORDER BY 1`,
    );
    return rows.map((row) => row.name);
  });
  if (names.length > 0) {
    throw new StackError(
      `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} connected to ${describeDatabase(databaseUrl)}. ` +
        'Stop all services first, on every machine.',
    );
  }
}
