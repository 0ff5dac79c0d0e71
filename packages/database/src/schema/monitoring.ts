import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Client, DatabaseError } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';

const directory = join(__dirname, '..', '..', 'monitoring');

export interface MonitoringResult {
  /** The name of the query's file, without its extension. */
  name: string;
  title: string;
  /** Why the query could not run, as part of a sentence, or null. An extension may be missing or not be for this role. */
  refusal: string | null;
  columns: string[];
  rows: Record<string, string | null>[];
}

/** Runs every query in packages/database/monitoring, as psql would. All values are text. */
export function runMonitoring(address: DatabaseAddress): Promise<MonitoringResult[]> {
  // Values stay as the server formats them.
  const types = { getTypeParser: () => (value: string) => value };
  return withClient(address, { application_name: 'millrace-status', types }, async (client) => {
    const { rows } = await client.query<{ extname: string }>('SELECT extname FROM pg_extension');
    const extensions = new Set(rows.map((row) => row.extname));
    const results: MonitoringResult[] = [];
    for (const file of readdirSync(directory).sort()) {
      results.push(await runQuery(client, file, extensions));
    }
    return results;
  });
}

async function runQuery(client: Client, file: string, extensions: ReadonlySet<string>): Promise<MonitoringResult> {
  const text = readFileSync(join(directory, file), 'utf8');
  const name = basename(file, '.sql');
  const title = /^-- (.*)$/m.exec(text)?.[1] ?? name;
  const needed = /^-- Needs: (\w+)$/m.exec(text)?.[1];
  const refused = (refusal: string) => ({ name, title, refusal, columns: [], rows: [] });
  if (needed !== undefined && !extensions.has(needed)) {
    return refused(`this database does not have the extension ${needed}`);
  }
  try {
    const { fields, rows } = await client.query<Record<string, string | null>>(text);
    return { name, title, refusal: null, columns: fields.map((field) => field.name), rows };
  } catch (error) {
    // An extension may be created but not loaded, or not be for this role.
    if (needed !== undefined && error instanceof DatabaseError) {
      return refused(error.message);
    }
    throw error;
  }
}
