import type { Dataset } from '../vectors/dataset';

/** Reads what searches read into the machine's cache, where the server has pg_prewarm for that; else searches do it. */
export async function prewarm({ database }: Pick<Dataset, 'database'>, index: string): Promise<void> {
  const { sql } = database;
  const available = await sql.oneOrNone(`SELECT FROM pg_available_extensions WHERE name = 'pg_prewarm'`);
  if (available === null) {
    return;
  }
  await sql.none('CREATE EXTENSION IF NOT EXISTS pg_prewarm');
  await sql.many(
    `SELECT pg_prewarm(relation, 'read') FROM unnest(ARRAY[
       $1::regclass, 'document_chunks'::regclass, 'document_chunks_pkey'::regclass,
       (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'document_chunks'::regclass)]) AS relation`,
    [index],
  );
}
