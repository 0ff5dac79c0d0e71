import { openAiVector } from '@millrace/test-support';
import type { Queryable } from './queries';

/** How many differences of each kind are named. */
const shown = 5;
/** The allowed difference of a component. A stored vector is rounded to four bytes. */
const tolerance = 1e-6;

/**
 * The rows that must be equal whatever happened during the run. Left out are ids, times and what the faults change:
 * attempts, rounds, dispatches, the last worker. A new column is compared unless it is named here. Each row begins with
 * the content hash of its document, which is the same in both runs. Versions are left out: how many are kept depends on
 * when they became current. Searches check them during the run.
 */
const tables: Record<string, string> = {
  documents: `
    SELECT d.content_hash AS document, (to_jsonb(d) - '{id,created_at,updated_at,source_path}'::text[])
      || jsonb_build_object('has_original', d.source_path IS NOT NULL) AS row FROM documents d
    WHERE d.external_id IS NULL`,
  document_pages: `
    SELECT d.content_hash AS document, to_jsonb(p) - 'document_id' AS row
    FROM document_pages p JOIN documents d ON d.id = p.document_id WHERE d.external_id IS NULL`,
  jobs: `
    SELECT d.content_hash AS document, to_jsonb(j) - '{id,document_id,current_step,retry_count,attempts,worker,
      queue_job_id,dispatch_count,next_attempt_at,created_at,updated_at,started_at,finished_at}'::text[] AS row
    FROM jobs j JOIN documents d ON d.id = j.document_id
    WHERE d.external_id IS NULL`,
  job_chunks: `
    SELECT d.content_hash AS document, to_jsonb(c) - '{id,job_id,attempts,worker,queue_job_id,dispatch_count,
      next_attempt_at,created_at,updated_at,started_at,processed_at}'::text[] AS row
    FROM job_chunks c JOIN jobs j ON j.id = c.job_id JOIN documents d ON d.id = j.document_id
    WHERE d.external_id IS NULL`,
  document_chunks: `
    SELECT d.content_hash AS document, to_jsonb(c) - '{id,document_id,created_at,updated_at}'::text[] AS row
    FROM document_chunks c JOIN documents d ON d.id = c.document_id
    WHERE d.external_id IS NULL`,
};

/** Compares the rows of a run with those of an undisturbed run of the same documents. @returns the differences. */
export async function compareRows(undisturbed: Queryable, disturbed: Queryable): Promise<string[]> {
  const differences: string[] = [];
  for (const [table, statement] of Object.entries(tables)) {
    const [expected, actual] = await Promise.all([rowsOf(undisturbed, statement), rowsOf(disturbed, statement)]);
    const missing = without(expected, actual);
    const extra = without(actual, expected);
    if (missing.length + extra.length > 0) {
      differences.push(
        [
          `${table}: ${missing.length} rows are missing, ${extra.length} rows are there that the undisturbed run does not have`,
          ...missing.slice(0, shown).map((row) => `  - ${row.slice(0, 400)}`),
          ...extra.slice(0, shown).map((row) => `  + ${row.slice(0, 400)}`),
        ].join('\n'),
      );
    }
  }
  return differences;
}

async function rowsOf(database: Queryable, statement: string): Promise<string[]> {
  const { rows } = await database.query<{ line: string }>(
    `SELECT document || ' ' || row::text AS line FROM (${statement}) AS compared ORDER BY 1`,
  );
  return rows.map(({ line }) => line);
}

/** Returns the lines that the others do not have, or have less often. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of others) {
    left.set(line, (left.get(line) ?? 0) + 1);
  }
  return lines.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}

/** Compares every stored vector with the provider's vector of the text. @returns what is wrong. */
export async function checkVectors(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ id: string; content: string; embedding: string | null }>(
    'SELECT id, content, embedding::text AS embedding FROM document_chunks ORDER BY id',
  );
  const wrong = rows.filter(({ content, embedding }) => {
    const stored = embedding === null ? [] : (JSON.parse(embedding) as number[]);
    const right = openAiVector(content, stored.length);
    return stored.length === 0 || stored.some((value, i) => Math.abs(value - (right[i] ?? 0)) > tolerance);
  });
  return wrong.slice(0, shown).map(({ id }) => `The vector of the stored chunk ${id} is not that of its text.`);
}

/** Checks that the rows of a run agree with each other. @returns what is wrong. */
export async function checkConsistency(database: Queryable): Promise<string[]> {
  const { rows } = await database.query<{ problem: string }>(
    `SELECT format('Job %s says %s of %s processed and %s failed, its chunks say %s and %s of %s.', j.id,
              j.processed_chunks, j.total_chunks, j.failed_chunks, n.success, n.failed, n.total) AS problem
     FROM jobs j, LATERAL (
       SELECT count(*) AS total, count(*) FILTER (WHERE status = 'success') AS success,
              count(*) FILTER (WHERE status = 'failed') AS failed FROM job_chunks c WHERE c.job_id = j.id) AS n
     WHERE (j.processed_chunks, j.failed_chunks, coalesce(j.total_chunks, 0)) IS DISTINCT FROM (n.success, n.failed, n.total)
     UNION ALL
     SELECT format('Chunk %s of document %s was written %s after it had been stored.', chunk_index, document_id,
              updated_at - created_at)
     FROM document_chunks WHERE updated_at <> created_at
     UNION ALL
     SELECT format('Document %s has %s stored chunks, its jobs %s successful ones.', d.id, stored.count, done.count)
     FROM documents d,
       LATERAL (SELECT count(*) FROM document_chunks c WHERE c.document_id = d.id) AS stored,
       LATERAL (SELECT count(*) FROM job_chunks c JOIN jobs j ON j.id = c.job_id
                WHERE j.document_id = d.id AND c.status = 'success') AS done
     WHERE stored.count <> done.count`,
  );
  return rows.map(({ problem }) => problem);
}
