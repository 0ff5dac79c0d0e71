import { MillraceError } from '@millrace/contracts';
import type { Client } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';
import { isOlder, safeVector, type VectorVersions, vectorVersionsQuery } from '../schema/vectorExtension';

/** The key of the advisory lock of index builds. No other lock has this number. */
export const buildLock = 7_316_420_018;

/** How often an aborted statement is cancelled, in milliseconds. */
const cancelEveryMs = 250;

/**
 * Runs `work` in a new session without a statement timeout, while no other build runs in the same database.
 * CREATE INDEX CONCURRENTLY cannot run in a transaction, so settings and lock belong to the session. The session must
 * therefore be the client's own and not a pooler's.
 * @param signal cancels the statement that `work` is running.
 * @throws MillraceError SETUP_INVALID behind a pooler, or while another build runs. The signal's reason once it is aborted.
 *   What `work` throws.
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
      throw new MillraceError('SETUP_INVALID', 'Another build of the vector index is running in this database.');
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
      // Lock and settings end with the session, unless an undetected pooler keeps it.
      await client.query('DISCARD ALL').catch(() => undefined);
    }
  });
}

/** The resources of a build. */
export interface Resources {
  /** maintenance_work_mem, such as 2GB. A graph that does not fit takes many times as long to build. */
  memory?: string;
  /** Parallel workers beside the first process. */
  workers?: number;
}

/** A build that needs more than this must be given its memory explicitly. */
const maxGrantedBytes = 4 * 2 ** 30;

/**
 * Sets the resources of the builds in this session.
 * @param minBytes the memory without which PostgreSQL refuses the build. It is granted, up to 4 GiB, when `memory` is left out
 *   and the server's own setting is smaller.
 */
export async function tuneBuild(client: Client, { memory, workers }: Resources, minBytes = 0): Promise<void> {
  if (memory !== undefined) {
    await client.query(`SELECT set_config('maintenance_work_mem', $1, false)`, [memory]);
  } else if (minBytes > 0 && minBytes <= maxGrantedBytes) {
    await client.query(
      `SELECT set_config('maintenance_work_mem', ceil($1 / 1024.0) || 'kB', false)
       WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < $1`,
      [minBytes],
    );
  }
  const parallel = (await canBuildInParallel(client)) ? workers : 0;
  if (parallel !== undefined) {
    await client.query(`SELECT set_config('max_parallel_maintenance_workers', $1, false)`, [String(parallel)]);
  }
}

/** False for a pgvector whose parallel builds are not safe. */
async function canBuildInParallel(client: Client): Promise<boolean> {
  const { rows } = await client.query<VectorVersions>(vectorVersionsQuery);
  return !isOlder(rows[0]?.available ?? safeVector, safeVector);
}

/**
 * Detects a pooler in transaction mode. It gives a session to the client that has a statement to run, usually the session
 * that was used last, otherwise each in turn. So another client gets our session, or our next statement gets another one.
 */
async function refusePooler(client: Client, address: DatabaseAddress): Promise<void> {
  const first = await sessionOf(client);
  const second = await sessionOf(client);
  const others = await withClient(address, { application_name: 'millrace-index' }, sessionOf);
  if (first !== second || first === others) {
    throw new MillraceError(
      'SETUP_INVALID',
      'The vector index cannot be built through a pooler in transaction mode, which shares sessions among its clients. ' +
        'Put the address of PostgreSQL itself into DATABASE_MIGRATION_URL.',
    );
  }
}

async function sessionOf(client: Client): Promise<number | undefined> {
  return (await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid;
}

/**
 * Cancels the session's statement once the signal is aborted. It repeats this, because between two statements there is
 * nothing to cancel.
 * @returns a function that ends it.
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
