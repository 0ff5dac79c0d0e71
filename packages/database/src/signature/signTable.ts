import { MillraceError } from '@millrace/contracts';
import type { Database } from '../database/database';
import { withShortLocks } from '../database/shortLocks';
import type { VectorTable } from '../vectorIndex/vectorTable';
import { fillSlot } from './fillSlot';
import { isNear, learnMean } from './learnMean';
import type { Slot } from './slots';
import { findMeans, findSigner, type LearnedMean, putMean, type StoredMean, unknownMean } from './storedMeans';

export interface Signing {
  database: Pick<Database, 'sql' | 'transaction'>;
  table: VectorTable;
  signal?: AbortSignal | undefined;
  /** Called with the share of the rows that are done. */
  onProgress?: (share: number) => void;
}

/**
 * Gives every stored vector a signature in one slot, for an index over it.
 *
 * The signatures of `current` are kept, and the missing ones added, when their mean still fits. Otherwise the vectors get
 * signatures in `other` with a mean that is learned from a sample. From the moment that this mean is stored, every writer
 * makes signatures with it too.
 * @param current the slot that is searched or was searched last, or null.
 * @param other the slot for other signatures. No index that is searched may be over it, unless nothing has yet been signed.
 * @returns the slot.
 */
export async function signTable(
  signing: Signing,
  { current, other }: { current: Slot | null; other: Slot },
): Promise<Slot> {
  const { database, table } = signing;
  const { rows } = await database.sql.one<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${table}`);
  const learned = await learnMean(database.sql, table, rows);
  const kept = (await findMeans(database.sql, table)).find(({ slot, complete }) => slot === current && complete);
  if (kept !== undefined && (learned === null || (await isNear(database.sql, kept.id, learned)))) {
    await fill(signing, kept, { rows, which: 'missing' });
    return kept.slot;
  }
  const stored = await replaceMean(signing, other, learned ?? unknownMean);
  await fill(signing, stored, { rows, which: 'all' });
  await database.sql.none('UPDATE vector_signatures SET complete = true WHERE id = $<id>', stored);
  return other;
}

/** Stores the mean while nothing is written, so that every later row is signed with it. */
async function replaceMean({ database, table, signal }: Signing, slot: Slot, mean: LearnedMean): Promise<StoredMean> {
  return withShortLocks(database, { signal }, async ({ sql }) => {
    await sql.none(`LOCK TABLE ${table} IN SHARE ROW EXCLUSIVE MODE`);
    await putMean(sql, { table, slot, complete: false }, mean);
    const stored = (await findMeans(sql, table)).find((one) => one.slot === slot);
    if (stored === undefined) {
      throw new MillraceError('INTERNAL', `The mean of the signatures of ${table} was not stored.`);
    }
    return stored;
  });
}

async function fill(
  { database, table, signal, onProgress }: Signing,
  { slot, id }: StoredMean,
  { rows, which }: { rows: number; which: 'all' | 'missing' },
): Promise<void> {
  const signer = await findSigner(database.sql, id);
  if (signer === null) {
    throw new MillraceError('INTERNAL', `The mean of the signatures of ${table} is gone.`);
  }
  let done = 0;
  const onBatch = (batch: number) => {
    done += batch;
    onProgress?.(Math.min(1, done / rows));
  };
  await fillSlot(database, { table, slot, signer, which, signal, onBatch });
}
