import { MillraceError } from '@millrace/contracts';
import type { Client } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';

/** Any fixed number of its own (the reconciler has another), so that two builds on one database never meet. */
export const buildLock = 7_316_420_018;

/** How often a statement that is to be broken off is asked to end, in milliseconds. */
const cancelEveryMs = 250;

/**
 * Runs `work` on a session of its own, in which statements may take as long as they need, while nobody else is inside this
 * function in the same database. Statements that cannot be in a transaction need settings and a lock that belong to the
 * session, so it has to be the client's own, not a pooler's.
 * @param signal breaks off whatever `work` is doing.
 * @throws MillraceError SETUP_INVALID behind a pooler, or while somebody else is inside; what `work` throws; and the signal's
 * reason once that has been aborted.
 */
export async function inBuildSession<T>(
  address: DatabaseAddress,
  signal: AbortSignal | undefined,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  return withClient(address, { application_name: 'millrace-index' }, async (client) => {
    await refusePooler(client, address);
    const { rows } = await client.query<{ locked: boolean; pid: number }>(
      'SELECT pg_try_advisory_lock($1) AS locked, pg_backend_pid() AS pid',
      [buildLock],
    );
    const [{ locked, pid } = { locked: false, pid: 0 }] = rows;
    if (!locked) {
      throw new MillraceError('SETUP_INVALID', 'Another build of the vector index is going on in this database.');
    }
    const stopCancelling = cancelOnAbort(address, pid, signal);
    try {
      await client.query('SET statement_timeout = 0');
      signal?.throwIfAborted();
      return await work(client);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      stopCancelling();
      // Lock and settings end with the session, unless a pooler that was not noticed keeps it.
      await client.query('DISCARD ALL').catch(() => undefined);
    }
  });
}

/** What a build may take. */
export interface Resources {
  /** maintenance_work_mem, such as 2GB: a graph that does not fit takes many times as long. */
  memory?: string;
  /** Processes that build, beside the first. */
  workers?: number;
}

/** A build that needs more than this is left to be refused where nobody has said how much it may take. */
const maxGrantedBytes = 4 * 2 ** 30;

/**
 * Has the builds of this session take so much.
 * @param least bytes of memory without which PostgreSQL refuses the build: taken where none is said and the server's own setting
 * is less, unless they are more than 4 GiB
 */
export async function tuneBuild(client: Client, { memory, workers }: Resources, least = 0): Promise<void> {
  if (memory !== undefined) {
    await client.query(`SELECT set_config('maintenance_work_mem', $1, false)`, [memory]);
  } else if (least > 0 && least <= maxGrantedBytes) {
    await client.query(
      `SELECT set_config('maintenance_work_mem', ceil($1 / 1024.0) || 'kB', false)
       WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < $1`,
      [least],
    );
  }
  if (workers !== undefined) {
    await client.query(`SELECT set_config('max_parallel_maintenance_workers', $1, false)`, [String(workers)]);
  }
}

/**
 * A pooler in transaction mode gives a session to whoever has a statement to run, most often the one that was used last, else
 * one after the other: so another client meets ours, or ours another one's.
 */
async function refusePooler(client: Client, address: DatabaseAddress): Promise<void> {
  const first = await sessionOf(client);
  const second = await sessionOf(client);
  const others = await withClient(address, { application_name: 'millrace-index' }, sessionOf);
  if (first !== second || first === others) {
    throw new MillraceError(
      'SETUP_INVALID',
      'The vector index cannot be built through a pooler in transaction mode, which shares sessions out among its clients. ' +
        'Put the address of PostgreSQL itself into DATABASE_MIGRATION_URL.',
    );
  }
}

async function sessionOf(client: Client): Promise<number | undefined> {
  return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
}

/**
 * Has the server break off the session's statement once the signal is aborted; again and again, because between two statements
 * there is nothing to be broken off.
 * @returns a function that ends this.
 */
function cancelOnAbort(address: DatabaseAddress, pid: number, signal: AbortSignal | undefined): () => void {
  let timer: NodeJS.Timeout | undefined;
  const cancel = () =>
    withClient(address, { application_name: 'millrace-index' }, (client) =>
      client.query('SELECT pg_cancel_backend($1)', [pid]),
    ).catch(() => undefined);
  const begin = () => {
    void cancel();
    timer = setInterval(cancel, cancelEveryMs);
  };
  signal?.addEventListener('abort', begin, { once: true });
  return () => {
    signal?.removeEventListener('abort', begin);
    clearInterval(timer);
  };
}
