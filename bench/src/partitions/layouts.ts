import type { Client } from 'pg';

export const partitionCount = 8;

/** A way to store document chunks, filled beside the other one from the same rows. */
export interface Layout {
  name: 'plain' | 'partitioned';
  table: string;
  /** What a row that comes again is known by: a unique key must hold the column that a table is partitioned by. */
  conflict: string;
}

export const layouts: Layout[] = [
  { name: 'plain', table: 'plain_chunks', conflict: 'document_id, chunk_hash' },
  { name: 'partitioned', table: 'hash_chunks', conflict: 'collection_id, document_id, chunk_hash' },
];

/** Makes the layout's table with the columns, storage and options of document_chunks, without the vector index. */
export async function createLayout(client: Client, { name, table, conflict }: Layout): Promise<void> {
  const isPartitioned = name === 'partitioned';
  const like = '(LIKE document_chunks INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)';
  await client.query(`CREATE TABLE ${table} ${like} ${isPartitioned ? 'PARTITION BY HASH (collection_id)' : ''}`);
  const options = await optionsOf(client, 'document_chunks');
  const stored = isPartitioned ? Array.from({ length: partitionCount }, (_, n) => `${table}_${n}`) : [table];
  for (const [n, part] of stored.entries()) {
    if (isPartitioned) {
      const place = `MODULUS ${partitionCount}, REMAINDER ${n}`;
      await client.query(`CREATE TABLE ${part} PARTITION OF ${table} FOR VALUES WITH (${place})`);
    }
    if (options.length > 0) {
      await client.query(`ALTER TABLE ${part} SET (${options.join(', ')})`);
    }
  }
  await client.query(`
    ALTER TABLE ${table} ADD PRIMARY KEY (${isPartitioned ? 'collection_id, id' : 'id'}),
      ADD UNIQUE (${conflict}), ADD FOREIGN KEY (document_id) REFERENCES documents ON DELETE CASCADE;
    CREATE INDEX ON ${table} (document_id, chunk_index);
    CREATE INDEX ON ${table} (created_at);
    CREATE INDEX ON ${table} (content_hash, embedding_model) WHERE embedding IS NOT NULL;
    CREATE INDEX ON ${table} USING gin (to_tsvector('english', content));
    ${isPartitioned ? '' : `CREATE INDEX ON ${table} (collection_id);`}`);
}

/** Such as toast_tuple_target=4080. LIKE takes none of them over, and partitions have none from their table. */
async function optionsOf(client: Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ options: string[] | null }>(
    'SELECT reloptions AS options FROM pg_class WHERE oid = $1::regclass',
    [table],
  );
  return rows[0]?.options ?? [];
}

/** Drops the vector index of document_chunks. @returns its definition, from USING on */
export async function takeVectorIndex(client: Client): Promise<string> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
     WHERE i.indrelid = 'document_chunks'::regclass AND am.amname IN ('hnsw', 'ivfflat')`,
  );
  const [index] = rows;
  if (index === undefined) {
    throw new Error('The migrations make no vector index.');
  }
  await client.query(`DROP INDEX ${index.name}`);
  return index.definition.slice(index.definition.indexOf('USING '));
}

/** Builds a vector index of this definition, which is what document_chunks had. */
export async function buildVectorIndex(client: Client, { table }: Layout, definition: string): Promise<void> {
  await client.query(`CREATE INDEX ON ${table} ${definition}`);
}

/** Inserts those of the rows of document_chunks, in the way the embedder's upsert does. */
export async function insertRows(client: Client, { table, conflict }: Layout, ids: readonly string[]): Promise<void> {
  await client.query(
    `INSERT INTO ${table} SELECT * FROM document_chunks WHERE id = ANY($1::uuid[]) ORDER BY document_id, chunk_hash
     ON CONFLICT (${conflict}) DO UPDATE SET content = excluded.content, embedding = excluded.embedding, updated_at = now()`,
    [ids],
  );
}
