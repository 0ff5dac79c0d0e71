import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Database, migrate, VectorIndexBuilder } from '@millrace/database';
import { Client } from 'pg';
import { root } from '../benchStack';
import { execute } from '../scratchDatabase';
import { insertCollections } from './documents';
import type { LoadWork } from './loadWorker';
import { type Division, divide, mergeParts, missingParts, type Source } from './parts';
import { chunkId } from './rows';
import { rowText } from './rowText';
import { openSource, type SourceOptions } from './source';
import type { Truth } from './truth';

export interface DatasetOptions extends SourceOptions {
  rows: number;
}

/** A data set that is there as a whole. */
export interface Dataset extends Source {
  databaseUrl: string;
  /** Two connections. */
  database: Database;
  division: Division;
  queries: string[];
  truth: Truth;
}

/** Where the set of so many rows is kept: a database of its own on the server of DATABASE_URL. */
export function datasetUrl({ environment, rows }: Pick<DatasetOptions, 'environment' | 'rows'>): string {
  const url = new URL(environment.DATABASE_URL ?? '');
  url.pathname = `/millrace_bench_vectors_${rows}`;
  return url.toString();
}

/**
 * Runs `work` on the data set of so many rows, which is made first where it is missing. That goes on where it was broken
 * off, if it was. The set stays.
 * @throws when the set was made from other texts or with another model
 */
export async function withDataset<T>(options: DatasetOptions, work: (dataset: Dataset) => Promise<T>): Promise<T> {
  const division = divide(options.rows);
  const source = await openSource(options);
  const databaseUrl = datasetUrl(options);
  await createDatabase(options.environment.DATABASE_URL ?? '', databaseUrl);
  const database = new Database({
    url: databaseUrl,
    poolMax: 2,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 600_000,
    applicationName: 'bench',
  });
  try {
    await prepare(databaseUrl, database, source);
    const missing = await missingParts(database.sql, division);
    if (missing.length > 0) {
      await loadByThreads({ databaseUrl, source: options, rows: options.rows, parts: missing }, division);
    }
    const truth = await finish(databaseUrl, database, source);
    return await work({ ...source, databaseUrl, database, division, truth });
  } finally {
    await database.close();
  }
}

/** Drops the set's database, if there is one. */
export async function removeDataset(options: Pick<DatasetOptions, 'environment' | 'rows'>): Promise<void> {
  const name = new URL(datasetUrl(options)).pathname.slice(1);
  await execute(options.environment.DATABASE_URL ?? '', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

async function createDatabase(serverUrl: string, databaseUrl: string): Promise<void> {
  const name = new URL(databaseUrl).pathname.slice(1);
  const client = new Client({ connectionString: serverUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`CREATE DATABASE ${name}`);
    }
  } finally {
    await client.end();
  }
}

/** Brings the tables up to date and notes what the set is made from, or compares it with what was noted. */
export async function prepare(databaseUrl: string, database: Database, source: Source): Promise<void> {
  const { model, dimensions } = source.provider;
  await migrate({ databaseUrl, direction: 'up', embeddingModel: model, embeddingDimensions: dimensions });
  const { sql } = database;
  await sql.none(`
    CREATE TABLE IF NOT EXISTS bench_set (model text NOT NULL, fingerprint text NOT NULL, truth jsonb);
    CREATE TABLE IF NOT EXISTS bench_parts (part integer PRIMARY KEY, truth jsonb NOT NULL)`);
  const fingerprint = await fingerprintOf(source);
  const noted = await sql.oneOrNone<{ model: string; fingerprint: string }>('SELECT model, fingerprint FROM bench_set');
  if (noted === null) {
    await new VectorIndexBuilder(database, { databaseUrl }).drop();
    // Nothing is to clean up beside a measurement, least of all the dead rows of a graph.
    await sql.none('ALTER TABLE document_chunks SET (autovacuum_enabled = false)');
    await insertCollections(sql);
    await sql.none('INSERT INTO bench_set (model, fingerprint) VALUES ($1, $2)', [model, fingerprint]);
  } else if (noted.model !== model || noted.fingerprint !== fingerprint) {
    throw new Error(
      `${new URL(databaseUrl).pathname.slice(1)} was made from other texts or with other vectors (${noted.model}; now ${model}). ` +
        'Remove it, and the next run makes it anew: npm run bench -- vectors remove --rows N',
    );
  }
}

/** Changes when the same row would get another text or vector, or the same query another truth. */
async function fingerprintOf({ corpus, provider, queryVectors }: Source): Promise<string> {
  const text = rowText(corpus, 0);
  const [vector = new Float32Array()] = await provider.embed([text]);
  const hash = createHash('sha256').update(`${corpus.digest}\0${text}\0${chunkId(0)}\0`);
  for (const part of [vector, ...queryVectors]) {
    hash.update(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}

/** Has as many threads as there are cores make and store the parts. */
async function loadByThreads(work: LoadWork, { perPart }: Division): Promise<void> {
  const threads = Math.min(availableParallelism(), work.parts.length);
  const startedAt = performance.now();
  let done = 0;
  const onPart = () => {
    done += 1;
    if (done % Math.ceil(work.parts.length / 20) === 0 || done === work.parts.length) {
      const seconds = Math.round((performance.now() - startedAt) / 1000);
      console.error(`${done * perPart} rows of ${work.parts.length * perPart} made after ${seconds} s`);
    }
  };
  const workers: Worker[] = [];
  try {
    await Promise.all(
      Array.from({ length: threads }, (_, thread) => {
        const parts = work.parts.filter((_, index) => index % threads === thread);
        return new Promise<void>((resolve, reject) => {
          const worker = new Worker(join(root, 'bench/dist/vectors/loadWorker.js'), {
            workerData: { ...work, parts } satisfies LoadWork,
          });
          workers.push(worker);
          worker.on('message', onPart);
          worker.once('error', reject);
          worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`A thread ended with ${code}`))));
        });
      }),
    );
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Makes one truth of the parts' and has the tables analyzed, if that is not done. @returns the truth */
export async function finish(databaseUrl: string, database: Database, source: Source): Promise<Truth> {
  const { sql } = database;
  const { truth } = await sql.one<{ truth: Truth | null }>('SELECT truth FROM bench_set');
  if (truth !== null) {
    return truth;
  }
  const merged = await mergeParts(sql, source.queryVectors);
  await execute(databaseUrl, 'VACUUM (ANALYZE) document_chunks, documents, collections');
  await sql.none('UPDATE bench_set SET truth = $1::jsonb', [JSON.stringify(merged)]);
  return merged;
}
