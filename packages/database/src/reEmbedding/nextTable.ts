import type { EmbeddingSetup } from '@millrace/config';
import { MillraceError } from '@millrace/contracts';
import { type Client, escapeIdentifier } from 'pg';
import type { Sql } from '../sql';
import { type Resources, tuneBuild } from '../vectorIndex/buildSession';
import { indexDefinition } from '../vectorIndex/definition';
import { findVectorIndexes } from '../vectorIndex/find';

/*
 * document_chunks_next: a table like document_chunks beside it, for vectors of other dimensions. Whatever document_chunks
 * has (columns, storage, constraints, indexes, privileges) is looked up and not written here again, so that the table that
 * takes its place is what it was, however it has been changed by then. Names get a suffix, which the change takes off.
 */

const suffix = '_next';

/** The only index that is needed while the table is filled; see findEmbeddings. */
const neededFromTheBeginning = 'document_chunks_cache';

const storages: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', x: 'EXTENDED', m: 'MAIN' };

/** Makes the table, empty and without those indexes that can wait. Runs in a transaction, as the owner. */
export async function createNextTable(sql: Sql, { dimensions }: EmbeddingSetup): Promise<void> {
  const { storage, options } = await sql.one<{ storage: string; options: string[] | null }>(
    `SELECT a.attstorage AS storage, c.reloptions AS options FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
     WHERE c.oid = 'document_chunks'::regclass AND a.attname = 'embedding'`,
  );
  await sql.none(
    `CREATE TABLE document_chunks_next
       (LIKE document_chunks INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE)`,
  );
  await sql.none(
    `ALTER TABLE document_chunks_next ALTER COLUMN embedding TYPE vector(${Math.trunc(dimensions)}),
       ALTER COLUMN embedding SET STORAGE ${storages[storage]} ${options ? `, SET (${options.join(', ')})` : ''}`,
  );
  const constraints = await sql.many<{ name: string; definition: string }>(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
     WHERE conrelid = 'document_chunks'::regclass AND contype IN ('p', 'u', 'f') ORDER BY contype DESC, conname`,
  );
  for (const { name, definition } of constraints) {
    await sql.none(`ALTER TABLE document_chunks_next ADD CONSTRAINT ${nextName(name)} ${definition}`);
  }
  for (const index of (await wantedIndexes(sql, dimensions)).filter(({ name }) => name === neededFromTheBeginning)) {
    await sql.none(`CREATE ${index.unique}INDEX ${nextName(index.name)} ON document_chunks_next ${index.definition}`);
  }
  const grants = await sql.many<{ privilege: string; grantee: string }>(
    `SELECT privilege_type AS privilege, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END AS grantee
     FROM pg_class, aclexplode(relacl) WHERE oid = 'document_chunks'::regclass`,
  );
  for (const { privilege, grantee } of grants) {
    await sql.none(`GRANT ${privilege} ON document_chunks_next TO ${grantee}`);
  }
}

/** Builds the indexes that are not there yet, with the table in use, and has the planner know its rows. */
export async function buildNextIndexes(
  client: Client,
  sql: Sql,
  dimensions: number,
  resources: Resources,
): Promise<void> {
  await tuneBuild(client, resources);
  for (const { name } of await nextIndexes(sql, 'NOT i.indisvalid')) {
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${escapeIdentifier(name)}`);
  }
  const there = new Set((await nextIndexes(sql, 'true')).map((index) => index.name));
  for (const { name, unique, definition } of await wantedIndexes(sql, dimensions)) {
    if (!there.has(`${name}${suffix}`)) {
      await client.query(`CREATE ${unique}INDEX CONCURRENTLY ${nextName(name)} ON document_chunks_next ${definition}`);
    }
  }
  await client.query('VACUUM (ANALYZE) document_chunks_next');
}

/** @throws MillraceError SETUP_INVALID when the tables differ in more than the dimensions of their vectors. */
export async function refuseOtherColumns(sql: Sql): Promise<void> {
  const { same } = await sql.one<{ same: boolean }>(
    `SELECT count(DISTINCT columns) = 1 AS same FROM (
       SELECT array_agg((attname, atttypid, attnotnull) ORDER BY attname) AS columns FROM pg_attribute
       WHERE attrelid IN ('document_chunks'::regclass, 'document_chunks_next'::regclass)
         AND attnum > 0 AND NOT attisdropped
       GROUP BY attrelid) AS tables`,
  );
  if (!same) {
    throw new MillraceError(
      'SETUP_INVALID',
      'A migration has changed the columns of document_chunks since this was begun. Cancel it, "re-embed cancel", and start again.',
    );
  }
}

/** Puts the table in the place of document_chunks, which goes. Runs in the transaction that has locked both. */
export async function putNextTableInPlace(sql: Sql): Promise<void> {
  await sql.none('DROP TABLE document_chunks');
  await sql.none('ALTER TABLE document_chunks_next RENAME TO document_chunks');
  const constraints = await sql.many<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint
     WHERE conrelid = 'document_chunks'::regclass AND contype IN ('p', 'u', 'f') AND conname LIKE '%\\_next'`,
  );
  for (const { name } of constraints) {
    await sql.none(`ALTER TABLE document_chunks RENAME CONSTRAINT ${escapeIdentifier(name)} TO ${lastingName(name)}`);
  }
  // Those of constraints have been renamed with them.
  const indexes = await sql.many<{ name: string }>(
    `SELECT relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'document_chunks'::regclass AND relname LIKE '%\\_next'`,
  );
  for (const { name } of indexes) {
    await sql.none(`ALTER INDEX ${escapeIdentifier(name)} RENAME TO ${lastingName(name)}`);
  }
}

interface WantedIndex {
  name: string;
  unique: '' | 'UNIQUE ';
  /** SQL: what follows the table's name in CREATE INDEX. */
  definition: string;
}

/** The usable indexes of document_chunks but for those of constraints, as they are for so many dimensions. */
async function wantedIndexes(sql: Sql, dimensions: number): Promise<WantedIndex[]> {
  const others = await sql.many<{ name: string; is_unique: boolean; definition: string }>(
    `SELECT c.relname AS name, i.indisunique AS is_unique, pg_get_indexdef(c.oid) AS definition
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
     WHERE i.indrelid = 'document_chunks'::regclass AND i.indisvalid AND am.amname NOT IN ('hnsw', 'ivfflat')
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid)
     ORDER BY c.oid`,
  );
  const ofVectors = (await findVectorIndexes(sql)).filter((index) => index.valid);
  return [
    ...others.map(({ name, is_unique, definition }): WantedIndex => {
      return { name, unique: is_unique ? 'UNIQUE ' : '', definition: definition.slice(definition.indexOf(' USING ')) };
    }),
    ...ofVectors.map(({ name, kind, parameters }): WantedIndex => {
      return { name, unique: '', definition: indexDefinition(kind, dimensions, parameters) };
    }),
  ];
}

function nextIndexes(sql: Sql, condition: string): Promise<{ name: string }[]> {
  return sql.many(
    `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'document_chunks_next'::regclass AND ${condition}`,
  );
}

function nextName(name: string): string {
  return escapeIdentifier(`${name}${suffix}`);
}

function lastingName(name: string): string {
  return escapeIdentifier(name.slice(0, -suffix.length));
}
