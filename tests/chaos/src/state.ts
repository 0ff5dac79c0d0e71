import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChaosDocument } from './documents';
import type { Queryable } from './queries';

/** The message that the reconciler logs when a job's counters were wrong. */
const reconcileMessage = 'the counters of a job disagreed with its chunks';

export async function countUnfinished(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM documents WHERE status IN ('queued', 'processing')`,
  );
  return rows[0]?.count ?? 0;
}

/** Describes the documents that have not ended, each with its job and chunks. */
export async function describeUnfinished(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ line: string }>(
    `SELECT format('%s is %s; job %s %s (round %s, attempts %s, lease until %s, next attempt at %s); chunks: %s',
              d.filename, d.status, j.id, j.status, j.retry_count, j.attempts, j.lease_expires_at, j.next_attempt_at,
              (SELECT string_agg(format('%s %s', n, status), ', ') FROM
                 (SELECT status, count(*) AS n FROM job_chunks c WHERE c.job_id = j.id GROUP BY status) AS by_status)) AS line
     FROM documents d LEFT JOIN jobs j ON j.document_id = d.id
     WHERE d.status IN ('queued', 'processing') ORDER BY d.id`,
  );
  return rows.map((row) => row.line);
}

/** Checks that every document is there and has ended as expected. @returns what is wrong. */
export async function checkEnds(database: Queryable, documents: readonly ChaosDocument[]): Promise<string[]> {
  const { rows } = await database.query<{ filename: string; status: string; error_code: string | null; error: string }>(
    'SELECT filename, status, error_code, error FROM documents',
  );
  return documents.flatMap(({ name, errorCode }) => {
    const [found, ...more] = rows.filter((row) => row.filename === name);
    if (!found || more.length > 0) {
      return [`There are ${more.length + (found ? 1 : 0)} documents of ${name}.`];
    }
    const { status, error_code, error } = found;
    const isRight = status === (errorCode === null ? 'ready' : 'failed') && error_code === errorCode;
    return isRight ? [] : [`${name} has ended as ${status} (${error_code ?? 'no code'}: ${error}).`];
  });
}

/** Counts failed attempts by error code, and all claims of chunks. */
export async function readAttempts(
  database: Queryable,
): Promise<{ failed: Record<string, number>; claims: number; chunks: number }> {
  const failed = await database.query<{ code: string; count: number }>(
    `SELECT error_code AS code, count(*)::integer AS count FROM chunk_attempts WHERE outcome = 'failed'
     GROUP BY error_code ORDER BY 2 DESC`,
  );
  const claims = await database.query<{ claims: number; chunks: number }>(
    'SELECT coalesce(sum(attempts), 0)::integer AS claims, count(*)::integer AS chunks FROM job_chunks',
  );
  return {
    failed: Object.fromEntries(failed.rows.map(({ code, count }) => [code, count])),
    claims: claims.rows[0]?.claims ?? 0,
    chunks: claims.rows[0]?.chunks ?? 0,
  };
}

/** Reads when the first vector of each text was committed, by the hash of what was embedded. Needs track_commit_timestamp. */
export async function readStoringTimes(database: Queryable): Promise<Map<string, number>> {
  const { rows } = await database.query<{ content_hash: string; at: number }>(
    `SELECT coalesce(embedding_hash, content_hash) AS content_hash, min(extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000)::float8 AS at
     FROM document_chunks GROUP BY 1`,
  );
  return new Map(rows.map((row) => [row.content_hash, row.at]));
}

/** Finds the lines of the logs in which the reconciler says that a job's counters were wrong. */
export function findRepairs(logDir: string): string[] {
  return readdirSync(logDir)
    .filter((name) => name.startsWith('reconciler'))
    .flatMap((name) => readFileSync(join(logDir, name), 'utf8').split('\n'))
    .filter((line) => line.includes(reconcileMessage));
}
