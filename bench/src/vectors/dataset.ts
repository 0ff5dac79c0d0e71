import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadConfig } from '@millrace/config';
import { type Database, signTable, VectorIndexBuilder } from '@millrace/database';
import { createEmbeddingProvider, type EmbeddingProvider } from '@millrace/embeddings';
import { root, withStaticProvider } from '../benchStack';
import { execute, migrateFor, withDatabase } from '../databases';
import type { Options } from '../options';
import { type Corpus, loadCorpus } from './corpus';
import { truthQueries } from './queries';
import { chunkId, makeRows, rowsOfADocument } from './rows';
import { rowText } from './rowText';
import { copyChunks, insertCollections, insertDocuments } from './store';
import { findTruth, type Truth } from './truth';

/** What the rows of a set and its truth are made from. */
export interface Source {
  corpus: Corpus;
  provider: EmbeddingProvider;
  queries: readonly string[];
  queryVectors: readonly Float32Array[];
}

/** A complete data set. */
export interface Dataset extends Source {
  databaseUrl: string;
  /** It has two connections. */
  database: Database;
  rows: number;
  perDocument: number;
  truth: Truth;
}

export type DatasetOptions = Pick<Options, 'environment' | 'files' | 'rows'>;

/** Rows that are made and stored at once. */
const rowsAtOnce = 5_000;

/** Returns the address of the set's database, on the server of DATABASE_URL. */
function datasetUrl({ environment, rows }: DatasetOptions): string {
  const url = new URL(environment.DATABASE_URL ?? '');
  url.pathname = `/millrace_bench_vectors_${rows}`;
  return url.toString();
}

/** Drops the set's database if it exists. */
export async function removeDataset(options: DatasetOptions): Promise<void> {
  const name = new URL(datasetUrl(options)).pathname.slice(1);
  await execute(options.environment.DATABASE_URL ?? '', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/** Reads the corpus and embeds the queries with the static provider. */
async function openSource({ environment, files }: Pick<DatasetOptions, 'environment' | 'files'>): Promise<Source> {
  // The rows of a set are sentences without a document.
  const withoutContext = { ...withStaticProvider(environment), EMBEDDING_CONTEXT: 'none' };
  const provider = await createEmbeddingProvider(loadConfig(withoutContext).embedding);
  const corpus = await loadCorpus(files, join(root, '.millrace', 'bench'));
  const queries = truthQueries(corpus);
  return { corpus, provider, queries, queryVectors: await provider.embed(queries) };
}

/**
 * Runs `work` on the data set with this many rows. It is made when it is missing or incomplete, and kept afterwards.
 * @throws Error when the set was made from other texts or with another model.
 */
export async function withDataset<T>(options: DatasetOptions, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  const { rows } = options;
  const source = await openSource(options);
  const databaseUrl = datasetUrl(options);
  const perDocument = rowsOfADocument(rows);
  const truth = await knownTruth(databaseUrl, source);
  if (truth === null) {
    await removeDataset(options);
    await execute(options.environment.DATABASE_URL ?? '', `CREATE DATABASE ${new URL(databaseUrl).pathname.slice(1)}`);
  }
  return withDatabase(databaseUrl, 2, async (database) => {
    await migrateFor(source.provider, databaseUrl);
    const known = truth ?? (await makeDataset(databaseUrl, database, source, { rows, perDocument }));
    return work({ ...source, databaseUrl, database, rows, perDocument, truth: known });
  });
}

/** Returns the truth of the set, or null when the set is missing or incomplete. */
export async function knownTruth(databaseUrl: string, source: Source): Promise<Truth | null> {
  const set = await withDatabase(databaseUrl, 1, ({ probe }) =>
    probe.oneOrNone<{ model: string; fingerprint: string; truth: Truth }>('SELECT * FROM bench_set'),
  ).catch((error: { code?: string }) => {
    // The database or its table is missing.
    if (error.code === 'DATABASE_UNAVAILABLE' || error.code === '42P01') {
      return null;
    }
    throw error;
  });
  if (set !== null && set.fingerprint !== (await fingerprintOf(source))) {
    throw new Error(
      `${new URL(databaseUrl).pathname.slice(1)} was made from other texts or with other vectors (${set.model}, now ` +
        `${source.provider.model}). Remove it: npm run bench -- vectors remove --rows N. The next run makes it anew.`,
    );
  }
  return set?.truth ?? null;
}

/** Fills an empty, migrated database. @returns the truth. */
export async function makeDataset(
  databaseUrl: string,
  database: Database,
  source: Source,
  { rows, perDocument }: Pick<Dataset, 'rows' | 'perDocument'>,
): Promise<Truth> {
  const { sql } = database;
  await new VectorIndexBuilder(database, { databaseUrl }).drop();
  // Nothing may clean up beside a measurement.
  await sql.none('ALTER TABLE document_chunks SET (autovacuum_enabled = false)');
  await insertCollections(sql);
  const startedAt = performance.now();
  const step = Math.floor(rowsAtOnce / perDocument) * perDocument;
  let storing: Promise<void> = Promise.resolve();
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    const chunks = await makeRows(source.corpus, source.provider, { from, to, perDocument });
    // The next rows are made while these are stored.
    await storing;
    storing = database.transaction(async (session) => {
      await insertDocuments(session.sql, { from: from / perDocument, to: Math.ceil(to / perDocument), perDocument });
      await copyChunks(session.sql, chunks);
    });
    if (Math.floor((10 * to) / rows) > Math.floor((10 * from) / rows)) {
      console.error(`${to} rows of ${rows} made after ${Math.round((performance.now() - startedAt) / 1000)} s`);
    }
  }
  await storing;
  // As an index build would, but before the table is measured: it rewrites every row.
  await signTable({ database, table: 'document_chunks' }, { current: 'a', other: 'b' });
  await execute(databaseUrl, 'VACUUM (FULL, ANALYZE) document_chunks');
  await execute(databaseUrl, 'VACUUM (ANALYZE) documents, collections');
  const truth = await findTruth(database, source.queryVectors);
  // The table is written last. Without it the set is incomplete.
  await sql.none(
    `CREATE TABLE bench_set (model text NOT NULL, fingerprint text NOT NULL, truth jsonb NOT NULL);
     INSERT INTO bench_set VALUES ($<model>, $<fingerprint>, $<truth>::jsonb)`,
    {
      model: source.provider.model,
      fingerprint: await fingerprintOf(source),
      truth: JSON.stringify(truth),
    },
  );
  return truth;
}

/** Changes when a row would get another text or vector, or a query another truth. */
async function fingerprintOf({ corpus, provider, queryVectors }: Source): Promise<string> {
  const text = rowText(corpus, 0);
  const [vector = new Float32Array()] = await provider.embed([text]);
  const hash = createHash('sha256').update(`${provider.model}\0${corpus.digest}\0${text}\0${chunkId(0)}\0`);
  for (const part of [vector, ...queryVectors]) {
    hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}
