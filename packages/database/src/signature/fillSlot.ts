import { decodeVector, encodeCopy } from '../connection/binaryCopy';
import type { Sql } from '../connection/sql';
import type { VectorTable } from '../vectorIndex/vectorTable';
import type { Signer } from './signature';
import { columnOf, type Slot } from './slots';

/** Rows that get their signatures in one transaction. */
const batchRows = 1_000;

/** The part of a Database that is needed here. */
export interface Transactional {
  transaction<T>(work: (session: { sql: Sql }) => Promise<T>): Promise<T>;
}

export interface Filling {
  table: VectorTable;
  slot: Slot;
  signer: Signer;
  /** Which rows: all, or those that have no signature. Rows get none from a service of an earlier version. */
  which: 'all' | 'missing';
  signal?: AbortSignal | undefined;
  /** Called after each batch. */
  onBatch?: (rows: number) => void;
}

/**
 * Writes the signatures of stored vectors in batches, in the order of the ids. Rows that are written meanwhile get theirs
 * from their writer. @throws the signal's reason.
 */
export async function fillSlot(database: Transactional, filling: Filling): Promise<void> {
  let after: string | null = '00000000-0000-0000-0000-000000000000';
  while (after !== null) {
    filling.signal?.throwIfAborted();
    const from: string = after;
    after = await database.transaction(({ sql }) => fillBatch(sql, filling, from));
  }
}

/** @returns the last id, or null when no rows are left. */
async function fillBatch(
  sql: Sql,
  { table, slot, signer, which, onBatch }: Filling,
  after: string,
): Promise<string | null> {
  const column = columnOf(slot);
  const rows = await sql.many<{ id: string; readAt: string; embedding: Buffer }>(
    `SELECT id, updated_at::text AS "readAt", vector_send(embedding) AS embedding FROM ${table}
     WHERE id > $<after> AND embedding IS NOT NULL ${which === 'missing' ? `AND ${column} IS NULL` : ''}
     ORDER BY id LIMIT $<batchRows>`,
    { after, batchRows },
  );
  if (rows.length > 0) {
    await sql.none(
      `CREATE TEMPORARY TABLE IF NOT EXISTS incoming_signatures (id uuid, read_at text, signature bit varying)
       ON COMMIT DELETE ROWS`,
    );
    await sql.copyIn(
      'COPY incoming_signatures FROM STDIN (FORMAT binary)',
      encodeCopy(
        ['uuid', 'text', 'varbit'],
        rows.map(({ id, readAt, embedding }) => [id, readAt, signer.sign(decodeVector(embedding))]),
      ),
    );
    // A row that was written since has its writer's signature.
    await sql.none(
      `UPDATE ${table} c SET ${column} = i.signature FROM incoming_signatures i
       WHERE c.id = i.id AND c.updated_at = i.read_at::timestamptz`,
    );
    onBatch?.(rows.length);
  }
  return rows.length < batchRows ? null : (rows.at(-1)?.id ?? null);
}
