import type { Database, Sql } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { copyChunks } from './copyChunks';
import type { Corpus } from './corpus';
import { insertDocuments } from './documents';
import { documentOf, makeRows, rowsOfADocument } from './rows';
import { NearestRows, type Truth } from './truth';

/** About how many rows are stored in one transaction; whole documents. */
const rowsOfAPart = 5_000;

/** How a set is divided into what is stored at once. */
export interface Division {
  rows: number;
  perDocument: number;
  perPart: number;
  parts: number;
}

/** @throws when the rows cannot be divided into documents evenly. */
export function divide(rows: number): Division {
  if (!Number.isSafeInteger(rows) || rows < 1_000 || rows % 1_000 !== 0) {
    throw new Error(`A data set has some thousands of rows, such as 5000 or 1000000, not ${rows}.`);
  }
  const perDocument = rowsOfADocument(rows);
  const perPart = Math.floor(rowsOfAPart / perDocument) * perDocument;
  return { rows, perDocument, perPart, parts: Math.ceil(rows / perPart) };
}

/** What the rows of a set and its truth are made from. */
export interface Source {
  corpus: Corpus;
  provider: EmbeddingProvider;
  /** Of the queries whose nearest rows are to be found. */
  queryVectors: readonly Float32Array[];
}

/**
 * Makes the rows of a part and stores them, with what they add to the truth, in one transaction: a part is there as a
 * whole or not at all.
 */
export async function loadPart(database: Database, source: Source, division: Division, part: number): Promise<void> {
  const { perDocument, perPart, rows } = division;
  const from = part * perPart;
  const to = Math.min(rows, from + perPart);
  const chunks = await makeRows(source.corpus, source.provider, { from, to, perDocument });
  const nearest = new NearestRows(source.queryVectors);
  for (const [n, { embedding }] of chunks.entries()) {
    nearest.add(from + n, embedding, documentOf(Math.floor((from + n) / perDocument)).part);
  }
  await database.transaction(async ({ sql }) => {
    await insertDocuments(sql, {
      from: from / perDocument,
      to: Math.ceil(to / perDocument),
      perDocument,
    });
    await copyChunks(sql, 'document_chunks', chunks);
    await sql.none('INSERT INTO bench_parts (part, truth) VALUES ($<part>, $<truth>::jsonb)', {
      part,
      truth: JSON.stringify(nearest.truth()),
    });
  });
}

/** The parts that are not stored yet. */
export async function missingParts(sql: Sql, { parts }: Division): Promise<number[]> {
  const stored = await sql.many<{ part: number }>('SELECT part FROM bench_parts');
  const done = new Set(stored.map((row) => row.part));
  return Array.from({ length: parts }, (_, part) => part).filter((part) => !done.has(part));
}

/** The nearest rows of each query among all that is stored. */
export async function mergeParts(sql: Sql, queryVectors: readonly Float32Array[]): Promise<Truth> {
  const nearest = new NearestRows(queryVectors);
  const parts = await sql.many<{ part: number }>('SELECT part FROM bench_parts ORDER BY part');
  for (const { part } of parts) {
    const { truth } = await sql.one<{ truth: Truth }>('SELECT truth FROM bench_parts WHERE part = $1', [part]);
    nearest.merge(truth);
  }
  return nearest.truth();
}
