import { type Client, escapeIdentifier } from 'pg';
import type { Sql } from '../connection/sql';
import type { Database } from '../database/database';
import { signatureBits } from '../signature/signature';
import { signTable } from '../signature/signTable';
import { findMeans } from '../signature/storedMeans';
import { type Resources, tuneBuild } from '../vectorIndex/buildSession';
import { indexDefinition } from '../vectorIndex/definition';
import { findVectorIndexes, type VectorIndex } from '../vectorIndex/find';
import { buildMemory } from '../vectorIndex/ivfflat';
import { vectorIndexKind } from '../vectorIndex/kinds';
import { nextName, nextSlot, suffix } from './nextNames';

/** Builds the missing indexes of document_chunks_next while it is written, then analyzes it. */
export async function buildNextIndexes(
  client: Client,
  { database, signal }: { database: Database; signal: AbortSignal | undefined },
  dimensions: number,
  resources: Resources,
): Promise<void> {
  const { sql } = database;
  const ofVectors = (await findVectorIndexes(sql)).filter((index) => index.valid);
  const memory = ofVectors.map((index) => buildMemory(index, signatureBits(dimensions)));
  await tuneBuild(client, resources, Math.max(0, ...memory));
  for (const name of await findUseless(sql)) {
    await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${escapeIdentifier(name)}`);
  }
  if (ofVectors.some(({ kind }) => vectorIndexKind[kind].overBits)) {
    await signTable({ database, table: 'document_chunks_next', signal }, { current: nextSlot, other: nextSlot });
  }
  for (const { name, unique, definition } of await findMissing(sql, dimensions)) {
    await client.query(`CREATE ${unique}INDEX CONCURRENTLY ${nextName(name)} ON document_chunks_next ${definition}`);
  }
  await client.query('VACUUM (ANALYZE) document_chunks_next');
}

/** Returns whether document_chunks_next lacks an index that document_chunks has, or signatures for it. */
export async function lacksIndexes(sql: Sql, dimensions: number): Promise<boolean> {
  const means = await findMeans(sql, 'document_chunks_next');
  return means.some(({ complete }) => !complete) || (await findMissing(sql, dimensions)).length > 0;
}

interface WantedIndex {
  name: string;
  unique: '' | 'UNIQUE ';
  /** SQL: the part after the table's name in CREATE INDEX. */
  definition: string;
}

/** Returns the valid indexes of document_chunks, without those of constraints, as they are for the given dimensions. */
export async function wantedIndexes(sql: Sql, dimensions: number): Promise<WantedIndex[]> {
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
      return { name, unique: '', definition: indexDefinition({ kind, parameters }, dimensions, nextSlot) };
    }),
  ];
}

async function findMissing(sql: Sql, dimensions: number): Promise<WantedIndex[]> {
  const useless = new Set(await findUseless(sql));
  const there = new Set((await nextIndexes(sql, 'true')).filter((name) => !useless.has(name)));
  return (await wantedIndexes(sql, dimensions)).filter(({ name }) => !there.has(`${name}${suffix}`));
}

/** Returns invalid indexes, which a broken build has left, and vector indexes that document_chunks no longer has. */
async function findUseless(sql: Sql): Promise<string[]> {
  const inUse = new Set((await findVectorIndexes(sql)).map((index) => described(`${index.name}${suffix}`, index)));
  const ofVectors = await findVectorIndexes(sql, 'document_chunks_next');
  const others = ofVectors.filter((index) => !inUse.has(described(index.name, index))).map(({ name }) => name);
  return [...new Set([...(await nextIndexes(sql, 'NOT i.indisvalid')), ...others])];
}

function described(name: string, { kind, parameters }: VectorIndex): string {
  return JSON.stringify([name, kind, parameters]);
}

async function nextIndexes(sql: Sql, condition: string): Promise<string[]> {
  const rows = await sql.many<{ name: string }>(
    `SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'document_chunks_next'::regclass AND ${condition}`,
  );
  return rows.map(({ name }) => name);
}
