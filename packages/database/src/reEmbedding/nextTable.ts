import { type EmbeddingModel, MillraceError } from '@millrace/contracts';
import { escapeIdentifier } from 'pg';
import type { Sql } from '../connection/sql';
import { wantedIndexes } from './nextIndexes';
import { finalName, nextName } from './nextNames';

/*
 * document_chunks_next is a copy of document_chunks for vectors of other dimensions. Columns, storage, constraints, indexes
 * and privileges are read from document_chunks and not repeated here, so that the copy is right after any migration. Names
 * get a suffix, which is removed when the table replaces document_chunks.
 */

/** The only index that is needed while the table is filled. See findEmbeddings. */
const neededFromTheStart = 'document_chunks_cache';

const storages: Record<string, string> = { p: 'PLAIN', e: 'EXTERNAL', x: 'EXTENDED', m: 'MAIN' };

/** Makes the empty table, without the indexes that can wait. The owner runs it in a transaction. */
export async function createNextTable(sql: Sql, { dimensions }: EmbeddingModel): Promise<void> {
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
  for (const index of (await wantedIndexes(sql, dimensions)).filter(({ name }) => name === neededFromTheStart)) {
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

/** Refuses tables whose columns differ. @throws MillraceError SETUP_INVALID. */
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
      'A migration has changed the columns of document_chunks since the re-embedding began. Cancel it ("re-embed cancel") and start again.',
    );
  }
}

/**
 * Refuses views, foreign keys and other objects that refer to document_chunks, because they would keep it from being dropped.
 * @throws MillraceError SETUP_INVALID with their names.
 */
export async function refuseDependants(sql: Sql): Promise<void> {
  const dependants = await sql.many<{ name: string }>(
    // Parts of the table, such as a policy, have a second dependency of another type and are dropped with it. A foreign key
    // from the table to itself is refused, because the copy's would refer to the old table.
    `WITH own AS (SELECT c.oid, c.reltype, t.typarray FROM pg_class c JOIN pg_type t ON t.oid = c.reltype
                  WHERE c.oid = 'document_chunks'::regclass)
     SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) AS name FROM pg_depend d, own
     WHERE d.deptype = 'n'
       AND (d.refclassid, d.refobjid) IN (('pg_class'::regclass, own.oid), ('pg_type'::regclass, own.reltype),
                                          ('pg_type'::regclass, own.typarray))
       AND NOT EXISTS (SELECT FROM pg_depend o WHERE (o.classid, o.objid) = (d.classid, d.objid)
                         AND (o.refclassid, o.refobjid) = ('pg_class'::regclass, own.oid) AND o.deptype <> 'n')
     UNION SELECT pg_describe_object('pg_constraint'::regclass, oid, 0) FROM pg_constraint
     WHERE confrelid = 'document_chunks'::regclass
     ORDER BY 1 LIMIT 10`,
  );
  if (dependants.length > 0) {
    const names = dependants.map(({ name }) => name).join('; ');
    throw new MillraceError(
      'SETUP_INVALID',
      `A re-embedding replaces the table document_chunks, and these refer to it: ${names}. Drop them first, and make them again afterwards.`,
    );
  }
}

/** Drops document_chunks and gives document_chunks_next its name. Runs in the transaction that has locked both. */
export async function putNextTableInPlace(sql: Sql): Promise<void> {
  await sql.none('DROP TABLE document_chunks');
  await sql.none('ALTER TABLE document_chunks_next RENAME TO document_chunks');
  const constraints = await sql.many<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint
     WHERE conrelid = 'document_chunks'::regclass AND contype IN ('p', 'u', 'f') AND conname LIKE '%\\_next'`,
  );
  for (const { name } of constraints) {
    await sql.none(`ALTER TABLE document_chunks RENAME CONSTRAINT ${escapeIdentifier(name)} TO ${finalName(name)}`);
  }
  // The indexes of constraints were renamed with them.
  const indexes = await sql.many<{ name: string }>(
    `SELECT relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'document_chunks'::regclass AND relname LIKE '%\\_next'`,
  );
  for (const { name } of indexes) {
    await sql.none(`ALTER INDEX ${escapeIdentifier(name)} RENAME TO ${finalName(name)}`);
  }
}
