import { StackError } from '../context';
import { withClient } from '../postgres/probe';
import { describePlace } from './place';

const timeoutMs = 10_000;

/**
 * Looks for sessions of our services, from whatever machine: they must not lose the tables under their hands, nor take the
 * files of rows that are gone for orphans. A service that has been idle has no session and is not seen; a reconciler
 * hardly ever is.
 * @throws StackError naming those that are there
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
      `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} connected to ${describePlace(databaseUrl)}. ` +
        'Stop all services first, on every machine.',
    );
  }
}
