import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { withCleanUp } from './cleanUp';

/** Runs `work` on a new, empty database of the server, and drops it afterwards. */
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

/** Runs one statement on a connection of its own. */
export async function execute(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
