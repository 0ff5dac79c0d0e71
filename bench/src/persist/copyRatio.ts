import type { Database, NewDocumentChunk } from '@millrace/database';
import { copyChunks } from '../vectors/copyChunks';

/** A way to store rows that are not there yet, on one connection. */
interface Way {
  name: 'upsert_64' | 'upsert_500' | 'copy_500' | 'copy_whole';
  batch: number;
  store: (database: Database, chunks: readonly NewDocumentChunk[]) => Promise<void>;
}

const upsert: Way['store'] = (database, chunks) =>
  database.transaction((session) => session.documentChunks.upsertAll(chunks));
const copy: Way['store'] = (database, chunks) =>
  database.transaction((session) => copyChunks(session.sql, 'document_chunks', chunks));

const ways: readonly Way[] = [
  { name: 'upsert_64', batch: 64, store: upsert },
  { name: 'upsert_500', batch: 500, store: upsert },
  { name: 'copy_500', batch: 500, store: copy },
  { name: 'copy_whole', batch: Number.POSITIVE_INFINITY, store: copy },
];

/** Rows a second of each way, of every round. */
export type WayRates = Record<Way['name'], number[]>;

/**
 * Stores the same rows in the empty table in each way by turns, once for warming up and then for so many rounds. The
 * documents they belong to are there; there is no vector index, and every other index is there for each.
 */
export async function compareWithCopy(
  database: Database,
  chunks: readonly NewDocumentChunk[],
  rounds: number,
): Promise<WayRates> {
  const rates: WayRates = { upsert_64: [], upsert_500: [], copy_500: [], copy_whole: [] };
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, batch, store } of ways) {
      await database.sql.none('TRUNCATE document_chunks');
      const size = Math.min(batch, chunks.length);
      const startedAt = performance.now();
      for (let at = 0; at < chunks.length; at += size) {
        await store(database, chunks.slice(at, at + size));
      }
      const rate = chunks.length / ((performance.now() - startedAt) / 1000);
      if (round > 0) {
        rates[name].push(rate);
      }
    }
  }
  return rates;
}
