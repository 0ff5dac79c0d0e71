import type { NewDocumentChunk } from '@millrace/database';
import { byClients } from '../clients';
import type { Dataset } from './dataset';
import { insertDocuments } from './documents';
import { documentOf, makeRows, rowOf } from './rows';
import { NearestRows, type Truth } from './truth';

/** As an embedder's batches are. */
const batchSize = 64;
const connections = 2;
/** How many rows are made at a time. */
const madeAtOnce = 2_048;
/** More rows a second than any index takes, so that the time ends an insertion and not the rows. */
const mostRowsPerSecond = 5_000;
/** A row takes about 5 kB of memory, so these 0.75 GB: 2,500 rows a second for a minute. */
const mostRows = 150_000;

/** Rows that carry the set's numbering on, and how fast they went in. */
export interface LiveRows {
  inserted: NewDocumentChunk[];
  /** How long it took: less than was allowed when the rows ran out. */
  seconds: number;
  rowsPerSecond: number;
}

/** How many rows to make for an insertion of so many seconds. */
export function liveRowsFor(seconds: number): number {
  return Math.min(seconds * mostRowsPerSecond, mostRows);
}

/** Makes the next rows after the set's, with their vectors, so that neither is in what is measured. */
export async function makeLiveRows(dataset: Dataset, count: number): Promise<NewDocumentChunk[]> {
  const { corpus, provider, division } = dataset;
  const { rows, perDocument } = division;
  const made: NewDocumentChunk[] = [];
  for (let from = rows; from < rows + count; from += madeAtOnce) {
    made.push(
      ...(await makeRows(corpus, provider, { from, to: Math.min(rows + count, from + madeAtOnce), perDocument })),
    );
  }
  return made;
}

/** Inserts such rows as two embedders would, in batches of 64, until there are no more or the time is over. */
export async function insertLive(
  { database, division }: Dataset,
  rows: readonly NewDocumentChunk[],
  mostSeconds: number,
): Promise<LiveRows> {
  const { perDocument } = division;
  const from = division.rows / perDocument;
  await insertDocuments(database.sql, { from, to: from + Math.ceil(rows.length / perDocument), perDocument });
  const batches = Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, n) =>
    rows.slice(n * batchSize, (n + 1) * batchSize),
  );
  const inserted: NewDocumentChunk[] = [];
  const startedAt = performance.now();
  await byClients(
    connections,
    batches.map((batch) => async () => {
      await database.transaction((session) => session.documentChunks.upsertAll(batch));
      inserted.push(...batch);
    }),
    startedAt + mostSeconds * 1000,
  );
  const seconds = (performance.now() - startedAt) / 1000;
  return { inserted, seconds, rowsPerSecond: inserted.length / seconds };
}

/** The nearest rows of each query once these rows have been added. */
export function truthWith({ queryVectors, truth, division }: Dataset, added: readonly NewDocumentChunk[]): Truth {
  const nearest = new NearestRows(queryVectors, truth);
  for (const { id, embedding } of added) {
    const row = rowOf(id);
    nearest.add(row, embedding, documentOf(Math.floor(row / division.perDocument)).part);
  }
  return nearest.truth();
}

/** Deletes every row that is not the set's: those of this run, or of one that was broken off. @returns how many */
export async function removeLiveRows({ database, division }: Dataset): Promise<number> {
  const first = documentOf(division.rows / division.perDocument).id;
  const removed = await database.sql.affected('DELETE FROM document_chunks WHERE document_id >= $1', [first]);
  await database.sql.none('DELETE FROM documents WHERE id >= $1', [first]);
  return removed;
}
