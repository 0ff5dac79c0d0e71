import { isNamed } from '../connection/newestFirst';
import type { Sql } from '../connection/sql';

/** A list of more documents than this is walked from its newest row on. */
const few = 1_000;

/**
 * Finds the ids of the documents whose file names have these words (see isNamed), by the index documents_filename. Returns null
 * when they are many. The planner cannot tell few from many, because it does not know how common the beginnings of words are. A
 * list of few is read by their ids: the newest rows hardly ever have one. A list of many goes through the newest rows, which
 * soon fill a page.
 */
export async function findFewNamed(sql: Sql, filename: string): Promise<string[] | null> {
  const rows = await sql.many<{ id: string }>(
    `SELECT id FROM documents WHERE ${isNamed('filename')} LIMIT ${few + 1}`,
    { filename },
  );
  return rows.length > few ? null : rows.map(({ id }) => id);
}
