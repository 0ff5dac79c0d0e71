import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type JobView, jobHasEnded } from '@millrace/contracts';
import { Database } from '@millrace/database';
import { ApiClient } from '@millrace/stack';
import { type BenchStack, type Environment, withBenchStack } from '../benchStack';
import type { BenchmarkResult } from '../report';
import { type BookTurn, describe, type Phase } from './describe';
import { PdfMaker } from './pdfs';
import { type Timed, timeToReady } from './upload';

const idleUploads = 10;
/** Small uploads wanted in each phase of a book; where a book is done with sooner, another one follows. */
const wantedPerPhase = 5;
const mostTurns = 3;
/** Between one small upload's end and the next, so that they are not themselves what keeps the stack busy. */
const pauseMs = 200;

/**
 * How long an upload of two pages takes until it is ready: on an idle stack, while a book of 5,000 pages is being read,
 * and while the book's chunks are being embedded; one small upload after the other. With `books` as many are in
 * progress at the same time.
 */
export async function fairness(environment: Environment, books: number): Promise<BenchmarkResult> {
  return withBenchStack(environment, {}, async (bench) => {
    const database = new Database({
      url: bench.databaseUrl,
      poolMax: 2,
      connectTimeoutMs: 10_000,
      applicationName: 'millrace-bench',
    });
    try {
      return await measure(bench, database, books);
    } finally {
      await database.close();
    }
  });
}

async function measure({ stack, stateDir }: BenchStack, database: Database, books: number): Promise<BenchmarkResult> {
  const client = new ApiClient(stack.apiUrl, stack.apiKey);
  const maker = new PdfMaker(join(stateDir, 'pdfs'));
  // The first one only warms the processes up.
  await timeToReady(client, database, await maker.small());
  const idle: Timed[] = [];
  for (let n = 0; n < idleUploads; n += 1) {
    idle.push(await timeToReady(client, database, await maker.small()));
  }
  const busy: Record<Phase, Timed[]> = { reading: [], embedding: [] };
  const turns: BookTurn[] = [];
  while (turns.length < mostTurns && Object.values(busy).some((timed) => timed.length < wantedPerPhase)) {
    turns.push(await duringBooks({ client, database, maker, books, busy }));
  }
  return describe(books, idle, busy, turns);
}

interface DuringBooks {
  client: ApiClient;
  database: Database;
  maker: PdfMaker;
  books: number;
  busy: Record<Phase, Timed[]>;
}

/** Uploads books, and small PDFs one after the other until the books are done with. */
async function duringBooks({ client, database, maker, books, busy }: DuringBooks): Promise<BookTurn> {
  const { signal } = new AbortController();
  const paths: string[] = [];
  for (let n = 0; n < books; n += 1) {
    paths.push(await maker.book());
  }
  const uploads = await Promise.all(paths.map((path) => client.upload(path, signal)));
  for (;;) {
    const small = await maker.small();
    const jobs = await Promise.all(uploads.map(({ job }) => client.getJob(job.id, signal)));
    const open = jobs.filter((job) => !jobHasEnded(job.status));
    if (open.length === 0) {
      return describeBook(database, jobs);
    }
    // Of several books some may be embedded while others are read; what counts is that a PDF process is busy.
    const phase = open.some((job) => job.status === 'queued' || job.status === 'chunking') ? 'reading' : 'embedding';
    busy[phase].push(await timeToReady(client, database, small));
    await setTimeout(pauseMs);
  }
}

async function describeBook(database: Database, jobs: readonly JobView[]): Promise<BookTurn> {
  const unfinished = jobs.filter((job) => job.status !== 'completed');
  if (unfinished.length > 0) {
    throw new Error(`These books did not complete: ${unfinished.map((job) => `${job.id} ${job.status}`).join(', ')}`);
  }
  return database.sql.one<BookTurn>(
    `SELECT sum(total_chunks)::integer AS chunks,
            extract(epoch FROM max(stored) - min(started_at))::float8 AS "readingSeconds",
            extract(epoch FROM max(finished_at) - min(created_at))::float8 AS seconds
     FROM (SELECT j.*, (SELECT min(created_at) FROM job_chunks WHERE job_id = j.id) AS stored
           FROM jobs j WHERE id = ANY($1::uuid[])) AS books`,
    [jobs.map((job) => job.id)],
  );
}
