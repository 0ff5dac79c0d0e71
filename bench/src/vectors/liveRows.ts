import type { NewDocumentChunk } from '@millrace/database';
import { byClients } from '../clients';
import type { Dataset } from './dataset';
import { documentOf, makeRows } from './rows';
import { insertDocuments } from './store';
import { findTruth, mergeTruth, type Truth } from './truth';

/** The size of an embedder's batch. */
const batchSize = 64;
const connections = 2;
const madeAtOnce = 2_048;
/** More rows a second than any index takes, so that time ends an insertion, and not the rows. */
const maxRowsPerSecond = 5_000;
/** A row takes about 5 kB of memory, so these take 0.75 GB: 2,500 rows a second for a minute. */
const maxRows = 150_000;

/** Rows that were inserted beyond the set's own, and how fast. */
export interface LiveRows {
  inserted: NewDocumentChunk[];
  /** Less than was allowed when the rows ran out. */
  seconds: number;
  rowsPerSecond: number;
}

/** Returns how many rows to make for an insertion of this length. */
export function liveRowsFor(seconds: number): number {
  return Math.min(seconds * maxRowsPerSecond, maxRows);
}

/** Makes the next rows after the set's, with vectors, so that making them is not measured. */
export async function makeLiveRows(dataset: Dataset, count: number): Promise<NewDocumentChunk[]> {
  const { corpus, provider, rows, perDocument } = dataset;
  const made: NewDocumentChunk[] = [];
  for (let from = rows; from < rows + count; from += madeAtOnce) {
    const to = Math.min(rows + count, from + madeAtOnce);
    made.push(...(await makeRows(corpus, provider, { from, to, perDocument })));
  }
  return made;
}

/** Inserts the rows as two embedders would, in batches of 64, until they or the seconds run out. */
export async function insertLive(
  { database, rows, perDocument }: Dataset,
  live: readonly NewDocumentChunk[],
  maxSeconds: number,
): Promise<LiveRows> {
  const from = rows / perDocument;
  await insertDocuments(database.sql, { from, to: from + Math.ceil(live.length / perDocument), perDocument });
  const batches = Array.from({ length: Math.ceil(live.length / batchSize) }, (_, n) =>
    live.slice(n * batchSize, (n + 1) * batchSize),
  );
  const inserted: NewDocumentChunk[] = [];
  const startedAt = performance.now();
  await byClients(
    connections,
    batches.map((batch) => async () => {
      await database.transaction((session) => session.documentChunks.upsertAll(batch));
      inserted.push(...batch);
    }),
    startedAt + maxSeconds * 1000,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { inserted, seconds, rowsPerSecond: inserted.length / seconds };
}

/** Returns the truth of the set with the inserted rows. */
export async function truthWithLive({ database, queryVectors, truth, rows, perDocument }: Dataset): Promise<Truth> {
  return mergeTruth(truth, await findTruth(database, queryVectors, documentOf(rows / perDocument).id));
}

/** Deletes every row that is not the set's own, of this or an earlier run. @returns how many. */
export async function removeLiveRows({ database, rows, perDocument }: Dataset): Promise<number> {
  const first = documentOf(rows / perDocument).id;
  const removed = await database.sql.affected('DELETE FROM document_chunks WHERE document_id >= $1', [first]);
  await database.sql.none('DELETE FROM documents WHERE id >= $1', [first]);
  return removed;
}
