import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { jobHasEnded, newId } from '@millrace/contracts';
import { type Database, firstAdminId } from '@millrace/database';
import type { ApiClient } from '@millrace/stack';
import { textPdf } from '@millrace/test-support';
import { withBenchStack } from './benchStack';
import { withDatabase } from './databases';
import { clientOf, untilCompleted, untilJob, uploadAll } from './jobs';
import type { Options } from './options';
import { Prose } from './prose';
import type { BenchmarkResult, Figures } from './report';
import { medianOf, percentile } from './statistics';

const aimMs = 5_000;
const idleUploads = 30;
/** Small uploads wanted in each phase of a book. When a book is done sooner, another one follows. */
const wantedPerPhase = 5;
const maxTurns = 3;
/** The pause between small uploads, so that they do not keep the stack busy themselves. */
const pauseMs = 200;
const pollMs = 20;
/** A page of letter size at 11 points is nearly full with this many words. */
const wordsPerPage = 450;

/** How many PDFs another collection uploads at once, and how many of them are sent together. */
const floodSize = 300;
const sentTogether = 20;

/** What happens to the book while a small PDF is uploaded. */
type Phase = 'reading' | 'embedding';

/** How long a small upload took, and where its time went, in milliseconds. */
interface Timed {
  ready: number;
  /** Until the API has stored it. */
  upload: number;
  /** The delivery, and the wait for one of the chunker's PDF processes. */
  wait_for_chunker: number;
  read: number;
  /** Its chunks are stored and delivered, and wait for a place in a batch. */
  wait_for_embedder: number;
  /** From the claim of its last batch to the settlement. */
  embed: number;
  /** The settling transaction, and up to 20 ms until the client asks again. */
  settle: number;
}

interface Setting {
  client: ApiClient;
  database: Database;
  /** Writes a PDF that is like no other. @returns its path. */
  writePdf: (pages: number) => Promise<string>;
  books: number;
  pagesOfABook: number;
}

/**
 * Measures how long an upload of two pages takes until it is ready: on an idle stack, while books of 5,000 pages are being read,
 * while their chunks are being embedded, and while another collection has hundreds of such uploads in work. The small uploads come
 * one after the other.
 */
export async function fairness({ environment, books, quick }: Options): Promise<BenchmarkResult> {
  return withBenchStack(environment, {}, ({ databaseUrl, stack, stateDir }) =>
    withDatabase(databaseUrl, 2, (database) => {
      let seed = 100;
      const writePdf = async (pages: number) => {
        seed += 1;
        const prose = new Prose(seed);
        const path = join(stateDir, `made-${seed}.pdf`);
        await writeFile(path, await textPdf(Array.from({ length: pages }, () => prose.passage(wordsPerPage))));
        return path;
      };
      return measure({ client: clientOf(stack), database, writePdf, books, pagesOfABook: quick ? 300 : 5_000 });
    }),
  );
}

async function measure(setting: Setting): Promise<BenchmarkResult> {
  // The first upload only warms the processes up.
  await uploadSmall(setting);
  const idle: Timed[] = [];
  for (let n = 0; n < idleUploads; n += 1) {
    idle.push(await uploadSmall(setting));
  }
  const busy: Record<Phase, Timed[]> = { reading: [], embedding: [] };
  const figures: Figures = { books: setting.books };
  for (let turn = 0; turn < maxTurns && Object.values(busy).some((timed) => timed.length < wantedPerPhase); turn += 1) {
    Object.assign(figures, await duringBooks(setting, busy));
  }
  const flooded = await duringFlood(setting);
  for (const [name, uploads] of Object.entries({ idle, ...busy, flooded })) {
    Object.assign(figures, describe(name, uploads));
  }
  return { figures };
}

/** Uploads books, and small PDFs until the books are done. @returns the figures of the books. */
async function duringBooks(setting: Setting, busy: Record<Phase, Timed[]>): Promise<Figures> {
  const { client, database, writePdf, books, pagesOfABook } = setting;
  const paths: string[] = [];
  for (let n = 0; n < books; n += 1) {
    paths.push(await writePdf(pagesOfABook));
  }
  const jobIds = await uploadAll(client, paths);
  for (;;) {
    const statuses = await Promise.all(jobIds.map(async (id) => (await untilJob(client, id, () => true, 0)).status));
    const open = statuses.filter((status) => !jobHasEnded(status));
    if (open.length === 0) {
      break;
    }
    // While any book is being read, a PDF process is busy.
    const phase = open.some((status) => status === 'queued' || status === 'chunking') ? 'reading' : 'embedding';
    busy[phase].push(await uploadSmall(setting));
    await setTimeout(pauseMs);
  }
  await untilCompleted(client, jobIds);
  return database.sql.one<Figures>(
    `SELECT sum(total_chunks)::integer AS book_chunks,
            extract(epoch FROM max(stored) - min(started_at))::float8 AS book_reading_seconds,
            extract(epoch FROM max(finished_at) - min(created_at))::float8 AS book_seconds
     FROM (SELECT j.*, (SELECT min(created_at) FROM job_chunks WHERE job_id = j.id) AS stored
           FROM jobs j WHERE id = ANY($1::uuid[])) AS books`,
    [jobIds],
  );
}

/** Uploads small PDFs while another collection has hundreds of the same size in work. */
async function duringFlood(setting: Setting): Promise<Timed[]> {
  const { client, database, writePdf } = setting;
  const collectionId = newId();
  await database.sql.none('INSERT INTO collections (id, owner_id, name) VALUES ($1, $2, $1)', [
    collectionId,
    firstAdminId,
  ]);
  const paths: string[] = [];
  for (let n = 0; n < floodSize; n += 1) {
    paths.push(await writePdf(2));
  }
  const jobIds: string[] = [];
  for (let start = 0; start < floodSize; start += sentTogether) {
    const sent = paths.slice(start, start + sentTogether);
    jobIds.push(...(await uploadAll(client, sent, { collection_id: collectionId })));
  }
  const timed: Timed[] = [];
  const isOpen = async () => {
    const { open } = await database.sql.one<{ open: number }>(
      `SELECT count(*)::integer AS open FROM jobs WHERE id = ANY($1::uuid[]) AND finished_at IS NULL`,
      [jobIds],
    );
    return open > sentTogether;
  };
  while (await isOpen()) {
    timed.push(await uploadSmall(setting));
  }
  await untilCompleted(client, jobIds);
  return timed;
}

/** Uploads two pages and waits until the document is ready. Each time on a row is the beginning of its transaction. */
async function uploadSmall({ client, database, writePdf }: Setting): Promise<Timed> {
  const path = await writePdf(2);
  const start = Date.now();
  const [jobId = ''] = await uploadAll(client, [path]);
  await untilCompleted(client, [jobId], pollMs);
  const end = Date.now();
  const row = await database.sql.one<Record<'accepted' | 'claimed' | 'stored' | 'embedding' | 'settled', Date>>(
    `SELECT j.created_at AS accepted, j.started_at AS claimed, min(c.created_at) AS stored,
            max(c.started_at) AS embedding, j.finished_at AS settled
     FROM jobs j JOIN job_chunks c ON c.job_id = j.id WHERE j.id = $1 GROUP BY j.id`,
    [jobId],
  );
  const between = (from: Date, to: Date) => to.getTime() - from.getTime();
  return {
    ready: end - start,
    upload: row.accepted.getTime() - start,
    wait_for_chunker: between(row.accepted, row.claimed),
    read: between(row.claimed, row.stored),
    wait_for_embedder: between(row.stored, row.embedding),
    embed: between(row.embedding, row.settled),
    settle: end - row.settled.getTime(),
  };
}

/** @returns medians and the slowest upload. There are no uploads when a book was done before one could begin. */
function describe(name: string, uploads: readonly Timed[]): Figures {
  const slowest = [...uploads].sort((a, b) => a.ready - b.ready).at(-1);
  if (slowest === undefined) {
    return { [`${name}_uploads`]: 0 };
  }
  const { ready: slowestMs, ...slowestParts } = slowest;
  const parts = Object.keys(slowestParts) as (keyof Timed)[];
  return {
    [`${name}_uploads`]: uploads.length,
    [`${name}_median_ms`]: medianOf(uploads, ({ ready }) => ready),
    [`${name}_p95_ms`]: percentile(
      uploads.map(({ ready }) => ready),
      95,
    ),
    [`${name}_slowest_ms`]: slowestMs,
    [`${name}_late`]: uploads.filter(({ ready }) => ready > aimMs).length,
    ...Object.fromEntries(parts.map((part) => [`${name}_median_${part}_ms`, medianOf(uploads, (one) => one[part])])),
    ...Object.fromEntries(parts.map((part) => [`${name}_slowest_${part}_ms`, slowest[part]])),
  };
}
