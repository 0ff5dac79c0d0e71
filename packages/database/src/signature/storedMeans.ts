import { newId } from '@millrace/contracts';
import type { Sql } from '../connection/sql';
import type { VectorTable } from '../vectorIndex/vectorTable';
import { Signer } from './signature';
import { type Slot, slots } from './slots';

/** How the signatures of a column are made: a row of vector_signatures. */
export interface StoredMean {
  slot: Slot;
  id: string;
  /** The number of vectors that the mean is of. 0 means that it is not known and counts as zero. */
  sampled: number;
  /** False while the stored vectors are getting their signatures. */
  complete: boolean;
}

/** The signers of the slots in use. */
export type Signers = Partial<Record<Slot, Signer>>;

/** The signers by the id of their mean. A mean never changes under its id. */
const known = new Map<string, Signer>();
/** Two slots each of the current table and the next one, in a process that uses two databases. */
const mostKnown = 8;

/** Returns the means of a table's signatures, the newest last. */
export function findMeans(sql: Sql, table: VectorTable): Promise<StoredMean[]> {
  return sql.many(
    `SELECT slot, id, sampled, complete FROM vector_signatures WHERE vector_table = $<table> ORDER BY created_at, slot`,
    { table },
  );
}

/** Returns the signer of a stored mean, or null when the mean has been replaced since. */
export async function findSigner(sql: Sql, id: string): Promise<Signer | null> {
  const signer = known.get(id);
  if (signer !== undefined) {
    return signer;
  }
  const row = await sql.oneOrNone<{ mean: string | null }>(
    'SELECT mean::text AS mean FROM vector_signatures WHERE id = $<id>',
    { id },
  );
  if (row === null) {
    return null;
  }
  const made = new Signer(row.mean === null ? null : Float32Array.from(JSON.parse(row.mean) as number[]));
  const [oldest] = known.keys();
  if (known.size >= mostKnown && oldest !== undefined) {
    known.delete(oldest);
  }
  known.set(id, made);
  return made;
}

/**
 * Locks the table for writing, after which its means do not change until the transaction ends.
 * @param prepare SQL of a statement that runs before, in the same message.
 */
export async function lockSigners(sql: Sql, table: VectorTable, prepare: string): Promise<Signers> {
  const means = await sql.many<Pick<StoredMean, 'slot' | 'id'>>(
    `${prepare}; LOCK TABLE ${table} IN ROW EXCLUSIVE MODE;
     SELECT slot, id FROM vector_signatures WHERE vector_table = $<table>`,
    { table },
  );
  const signers: Signers = {};
  for (const { slot, id } of means) {
    signers[slot] = (await findSigner(sql, id)) ?? undefined;
  }
  return signers;
}

/** Returns the signatures of a vector in the order of `slots`, null for a slot that is not in use. */
export function signAll(signers: Signers, vector: Float32Array): (Buffer | null)[] {
  return slots.map((slot) => signers[slot]?.sign(vector) ?? null);
}

/** A mean as it is learned. */
export interface LearnedMean {
  /** pgvector's text. */
  mean: string | null;
  sampled: number;
}

/** The mean of a table without vectors. */
export const unknownMean: LearnedMean = { mean: null, sampled: 0 };

/**
 * Replaces the mean of a slot. It is complete when no vector needs a signature made with it.
 * The transaction must have locked the table against writes.
 */
export async function putMean(
  sql: Sql,
  { table, slot, complete }: { table: VectorTable; slot: Slot; complete: boolean },
  { mean, sampled }: LearnedMean,
): Promise<void> {
  await sql.none(
    `DELETE FROM vector_signatures WHERE vector_table = $<table> AND slot = $<slot>;
     INSERT INTO vector_signatures (vector_table, slot, id, mean, sampled, complete)
     VALUES ($<table>, $<slot>, $<id>, $<mean>::vector, $<sampled>, $<complete>)`,
    { table, slot, id: newId(), mean, sampled, complete },
  );
}

/** Stops making signatures for a slot. */
export async function removeMean(sql: Sql, table: VectorTable, slot: Slot): Promise<void> {
  await sql.none('DELETE FROM vector_signatures WHERE vector_table = $<table> AND slot = $<slot>', { table, slot });
}

/** Removes the means of a table that is dropped. */
export async function removeMeans(sql: Sql, table: VectorTable): Promise<void> {
  await sql.none('DELETE FROM vector_signatures WHERE vector_table = $<table>', { table });
}

/** Makes the means of document_chunks_next those of document_chunks. */
export async function putNextMeansInPlace(sql: Sql): Promise<void> {
  await removeMeans(sql, 'document_chunks');
  await sql.none(`UPDATE vector_signatures SET vector_table = 'document_chunks'`);
}
