import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { closeConnection, producerConnection, Queues, untilReady } from '@millrace/queues';
import { createLogger } from '@millrace/telemetry';
import { ownName, type Queryable } from './queries';

/** Finds what is left after all work is done: claims, deliveries, files. @returns a description of each. */
export async function findLeftovers(database: Queryable, queues: Queues, blobDir: string): Promise<string[]> {
  return [
    ...(await claimedTexts(database)),
    ...(await queuedJobs(queues)),
    ...(await oldVersions(database)),
    ...(await deletedCollections(database)),
    ...(await strayBlobs(database, blobDir)),
  ];
}

async function claimedTexts(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ content_hash: string; expires_at: Date }>(
    'SELECT content_hash, expires_at FROM embedding_claims',
  );
  return rows.map((row) => `text ${row.content_hash} is claimed until ${row.expires_at.toISOString()}`);
}

/** Finds external ids with more versions than the current one and the one that is kept. */
async function oldVersions(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ line: string }>(
    `SELECT format('%s versions of %s, %s of them current', count(*), external_id, count(*) FILTER (WHERE is_current)) AS line
     FROM documents WHERE external_id IS NOT NULL GROUP BY external_id
     HAVING count(*) > 2 OR count(*) FILTER (WHERE is_current) <> 1`,
  );
  return rows.map((row) => row.line);
}

/** Finds what is left of collections that were deleted. All other tables refer to these. */
async function deletedCollections(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ line: string }>(
    `SELECT format('the collection %s is being deleted', name) AS line FROM collections WHERE status = 'deleting'
     UNION ALL
     SELECT format('%s rows of the deleted collection %s in %s', count(*), collection_id, held) FROM (
       SELECT 'documents' AS held, collection_id FROM documents
       UNION ALL SELECT 'jobs', collection_id FROM jobs
       UNION ALL SELECT 'document_chunks', collection_id FROM document_chunks
       UNION ALL SELECT 'collection_counts', collection_id FROM collection_counts) AS rows
     WHERE collection_id NOT IN (SELECT id FROM collections) GROUP BY collection_id, held`,
  );
  return rows.map((row) => row.line);
}

async function queuedJobs(queues: Queues): Promise<string[]> {
  const states = ['waiting', 'active', 'delayed', 'prioritized', 'waiting-children'] as const;
  const found = await Promise.all(
    queues.all.map(async (queue) => {
      const counts = Object.entries(await queue.getJobCounts(...states)).filter(([, count]) => count > 0);
      return counts.map(([state, count]) => `${count} ${state} jobs in the queue ${queue.name}`);
    }),
  );
  return found.flat();
}

/** Finds files without a document, and documents whose file is missing. */
async function strayBlobs(database: Queryable, blobDir: string): Promise<string[]> {
  const { rows } = await database.query<{ source_path: string }>(
    'SELECT source_path FROM documents WHERE source_path IS NOT NULL',
  );
  const named = new Set(rows.map((row) => row.source_path));
  const files = readdirSync(blobDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.probe-'))
    .map((entry) => join(entry.parentPath, entry.name).slice(blobDir.length + 1));
  return [
    ...files.filter((file) => !named.has(file)).map((file) => `the file ${file} belongs to no document`),
    ...[...named].filter((file) => !files.includes(file)).map((file) => `the original ${file} is gone`),
  ];
}

/** Opens the queues of the run, to inspect them. */
export async function openQueues(
  redisUrl: string,
  prefix: string,
): Promise<{ queues: Queues; close(): Promise<void> }> {
  const connection = producerConnection(redisUrl, createLogger('chaos', 'silent'));
  await untilReady(connection, 60_000);
  const queues = new Queues(connection, prefix);
  return {
    queues,
    close: async () => {
      await queues.close();
      await closeConnection(connection);
    },
  };
}

/** Finds connections and advisory locks of other programs in the database. */
export async function findConnections(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ found: string }>(
    `SELECT format('a connection of %s, %s since %s', application_name, state, state_change) AS found
     FROM pg_stat_activity WHERE datname = current_database() AND application_name <> $1
       AND backend_type = 'client backend'
     UNION ALL
     SELECT format('an advisory lock of process %s', pid) FROM pg_locks
     WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [ownName],
  );
  return rows.map((row) => row.found);
}

/** Finds connections whose transaction has been idle for longer than `idleMs`. */
export async function findIdleTransactions(database: Queryable, longerThanMs: number): Promise<string[]> {
  const { rows } = await database.query<{ found: string }>(
    `SELECT format('a transaction of %s has been idle since %s', application_name, state_change) AS found
     FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'
       AND state_change < now() - $1 * interval '1 millisecond'`,
    [longerThanMs],
  );
  return rows.map((row) => row.found);
}

interface ProcessEntry {
  pid: number;
  parent: number;
  command: string;
}

/** Finds processes whose environment or working folder names the folder. Only on systems with /proc. */
function processesOf(folder: string): ProcessEntry[] {
  if (!existsSync('/proc/self/environ')) {
    return [];
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const belongs =
          readlinkSync(`/proc/${name}/cwd`).startsWith(folder) ||
          readFileSync(`/proc/${name}/environ`, 'utf8').includes(folder);
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        // The second field is the program's name in brackets and may hold anything.
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return belongs && state !== 'Z' ? [{ pid: Number(name), parent: Number(parent), command }] : [];
      } catch {
        // It has ended meanwhile, or belongs to another account.
        return [];
      }
    });
}

/** Describes the processes of the folder that are neither known nor children of known ones. */
export function findStrayProcesses(folder: string, known: readonly number[]): string[] {
  const expected = new Set(known);
  return processesOf(folder)
    .filter(({ pid, parent }) => !expected.has(pid) && !expected.has(parent))
    .map(({ pid, parent, command }) => `process ${pid} (child of ${parent}): ${command}`);
}
