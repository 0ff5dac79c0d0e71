import { randomBytes } from 'node:crypto';
import { Database, migrate } from '@millrace/database';
import type { EmbeddingProvider } from '@millrace/embeddings';
import { Client } from 'pg';
import { withCleanUp } from './cleanUp';

/** Runs one statement on a new connection. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Runs `work` on a new, empty database of the server and drops it afterwards. */
export async function withScratchDatabase<T>(serverUrl: string, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const name = `millrace_bench_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await execute(serverUrl, `CREATE DATABASE ${name}`);
  return withCleanUp(
    () => work(url.toString()),
    () => execute(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`),
  );
}

/** Runs `work` with a pool of at most this many connections. */
export async function withDatabase<T>(
  url: string,
  poolMax: number,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = new Database({
    url,
    poolMax,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 600_000,
    applicationName: 'millrace-bench',
  });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Runs all migrations for the provider's model. */
export async function migrateFor(embedding: EmbeddingProvider, databaseUrl: string): Promise<void> {
  await migrate({ databaseUrl, direction: 'up', embedding });
}
