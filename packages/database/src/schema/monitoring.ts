import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Client, DatabaseError } from 'pg';
import { type DatabaseAddress, withClient } from '../connection/withClient';

const directory = join(__dirname, '..', '..', 'monitoring');

export interface MonitoringResult {
  /** The file's name without its ending. */
  name: string;
  title: string;
  /** Why the query cannot be run here: the extension it needs is not there, or not for this role. There are then no rows. */
  refusal: string | null;
  columns: string[];
  rows: Record<string, string | null>[];
}

/** Runs every query in packages/database/monitoring, each as it would be run with psql. All values come as text. */
export function runMonitoring(address: DatabaseAddress): Promise<MonitoringResult[]> {
  // As the server writes them: dates and intervals need no making anew.
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
    // An extension may be created without being loaded, or be for other roles.
    if (needed !== undefined && error instanceof DatabaseError) {
      return refused(error.message);
    }
    throw error;
  }
}
