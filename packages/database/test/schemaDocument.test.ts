import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabase } from '@millrace/test-support';
import { Client } from 'pg';

/** Returns the section of the document about each table. */
function readSections(): Map<string, string> {
  const text = readFileSync(join(__dirname, '../../../docs/database/schema.md'), 'utf8');
  return new Map(
    text
      .split(/^## /m)
      .slice(1)
      .map((part) => [part.slice(0, part.indexOf('\n')), part]),
  );
}

test('The document has a section for each table with every column and index, and no others', async () => {
  const database = await createTestDatabase();
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const { rows } = await client.query<{ table: string; names: string[] }>(
      `SELECT c.relname AS "table", array_agg(n.name::text) AS names
       FROM pg_class c, LATERAL (
         SELECT attname AS name FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
         UNION ALL SELECT relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid) AS n
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') GROUP BY c.relname`,
    );
    const sections = readSections();
    expect([...sections.keys()].sort()).toEqual(rows.map((row) => row.table).sort());
    for (const { table, names } of rows) {
      const missing = names.filter((name) => !sections.get(table)?.includes(`\`${name}\``));
      expect([table, missing]).toEqual([table, []]);
    }
  } finally {
    await client.end();
    await database.drop();
  }
});
