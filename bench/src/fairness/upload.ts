import type { Database } from '@millrace/database';
import type { ApiClient } from '@millrace/stack';
import { endOf } from '../endOf';

const pollMs = 20;

/** Where a document's time went, in milliseconds. */
export interface Stretches {
  /** Until the API had it whole and wrote it down. */
  upload: number;
  /** For its delivery, and for one of the chunker's PDF processes. */
  waitForChunker: number;
  /** Read and chunked, in a PDF process. */
  read: number;
  /** Its chunks stored and delivered; in the queue, and in the embedder for a place in a batch. */
  waitForEmbedder: number;
  /** Its last batch: vectors. */
  embed: number;
  /** The settling transaction, and until the client has asked again. */
  settle: number;
}

export interface Timed {
  readyAfterMs: number;
  stretches: Stretches;
}

/** Uploads a PDF and waits until its document is ready. */
export async function timeToReady(client: ApiClient, database: Database, path: string): Promise<Timed> {
  const { signal } = new AbortController();
  const start = Date.now();
  const { job } = await client.upload(path, signal);
  const ended = await endOf(client, job.id, pollMs, signal);
  const end = Date.now();
  if (ended.status !== 'completed') {
    throw new Error(`job ${job.id} of ${path} ended as ${ended.status}`);
  }
  return { readyAfterMs: end - start, stretches: await stretchesOf(database, job.id, start, end) };
}

/** What the rows say; each time there is the beginning of the transaction that wrote it. */
async function stretchesOf(database: Database, jobId: string, start: number, end: number): Promise<Stretches> {
  const row = await database.sql.one<Record<'accepted' | 'claimed' | 'stored' | 'embedding' | 'settled', Date>>(
    `SELECT j.created_at AS accepted, j.started_at AS claimed, min(c.created_at) AS stored,
            max(c.started_at) AS embedding, j.finished_at AS settled
     FROM jobs j JOIN job_chunks c ON c.job_id = j.id WHERE j.id = $1 GROUP BY j.id`,
    [jobId],
  );
  const between = (from: Date, to: Date) => to.getTime() - from.getTime();
  return {
    upload: row.accepted.getTime() - start,
    waitForChunker: between(row.accepted, row.claimed),
    read: between(row.claimed, row.stored),
    waitForEmbedder: between(row.stored, row.embedding),
    embed: between(row.embedding, row.settled),
    settle: end - row.settled.getTime(),
  };
}
