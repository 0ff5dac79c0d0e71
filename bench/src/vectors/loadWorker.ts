import { parentPort, workerData } from 'node:worker_threads';
import { Database } from '@millrace/database';
import { divide, loadPart } from './parts';
import { openSource, type SourceOptions } from './source';

/** What a thread is told. */
export interface LoadWork {
  databaseUrl: string;
  source: SourceOptions;
  rows: number;
  parts: number[];
}

/** A thread that makes and stores parts of a data set, and tells after each that it is there. */
async function main({ databaseUrl, source: options, rows, parts }: LoadWork): Promise<void> {
  const source = await openSource(options);
  const database = new Database({
    url: databaseUrl,
    poolMax: 1,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 600_000,
    applicationName: 'bench',
  });
  try {
    for (const part of parts) {
      await loadPart(database, source, divide(rows), part);
      parentPort?.postMessage(part);
    }
  } finally {
    await database.close();
  }
}

void main(workerData as LoadWork);
