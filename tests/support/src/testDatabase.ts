import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type EmbeddingModel, modelOf } from '@millrace/contracts';
import { Client } from 'pg';
import { testServers } from './servers';

const databasePackage = join(__dirname, '..', '..', '..', 'packages', 'database');
const dayMs = 86_400_000;

/** Returns the template's name. It has a digest of the migrations, so that a changed migration makes a new template. */
function templateName(): string {
  const directory = join(databasePackage, 'migrations');
  const digest = createHash('sha256');
  for (const file of readdirSync(directory).sort()) {
    digest.update(file).update(readFileSync(join(directory, file)));
  }
  return `millrace_template_${digest.digest('hex').slice(0, 16)}`;
}

function urlOf(database: string): string {
  const url = new URL(testServers().databaseUrl);
  url.pathname = `/${database}`;
  return url.toString();
}

function onServer<T>(work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(testServers().databaseUrl, work);
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Makes the migrated template unless it exists. Drops databases that interrupted runs left, and templates of other
 * migrations that no run has used, for a day.
 */
export async function prepareTemplate(): Promise<void> {
  await onServer(async (client) => {
    // Two test runs on one server must not make the template at the same time.
    await client.query('SELECT pg_advisory_lock(7316420016)');
    const template = templateName();
    const templates = await dropOld(client, template);
    if (!templates.includes(template)) {
      await makeTemplate(client, template);
    }
    await noteUse(client, template);
  });
}

/** Drops what is old, but not the template that is wanted. @returns the templates that were found */
async function dropOld(client: Client, wanted: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string; comment: string | null }>(
    `SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment
     FROM pg_database WHERE datname ~ '^millrace_(test|template)_'`,
  );
  for (const { name, comment } of rows) {
    const usedAt = /^millrace_test_(\d+)_/.exec(name)?.[1] ?? comment;
    if (usedAt === null) {
      await noteUse(client, name);
    } else if (name !== wanted && Number(usedAt) < Date.now() - dayMs) {
      await dropDatabase(client, name);
    }
  }
  return rows.map(({ name }) => name).filter((name) => name.startsWith('millrace_template_'));
}

/** Notes on a template that a run uses it now. */
async function noteUse(client: Client, template: string): Promise<void> {
  await client.query(`COMMENT ON DATABASE "${template}" IS '${Date.now()}'`);
}

async function makeTemplate(client: Client, template: string): Promise<void> {
  // It has another name until it is complete, so that an interrupted run leaves no half template.
  const unfinished = `millrace_test_${Date.now()}_template`;
  await client.query(`CREATE DATABASE "${unfinished}"`);
  await promisify(execFile)(process.execPath, [join(databasePackage, 'dist', 'migrate.js'), 'up'], {
    env: { PATH: process.env.PATH, DATABASE_URL: urlOf(unfinished), EMBEDDING_CONTEXT: 'none' },
  });
  await client.query(`ALTER DATABASE "${unfinished}" RENAME TO "${template}"`);
}

/** Drops a database and the roles that a test has made for it. */
async function dropDatabase(client: Client, name: string): Promise<void> {
  await client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
  await client.query(`DROP ROLE IF EXISTS "${name}_service", "${name}_readonly", "${name}_owner"`);
}

export interface TestDatabase {
  url: string;
  drop(): Promise<void>;
}

/** Returns a model that adds nothing to the texts. */
export function plainModel(model: string, dimensions = 768): EmbeddingModel {
  return { model, dimensions, queryPrefix: '', documentPrefix: '', context: 'none' };
}

/**
 * Makes a database that no other test uses: a clone of the migrated template, or empty.
 * @param options.model of its vectors, with 768 dimensions. The static provider's when left out.
 */
export async function createTestDatabase(
  options: { empty?: boolean; model?: string | EmbeddingModel } = {},
): Promise<TestDatabase> {
  const name = `millrace_test_${Date.now()}_${randomBytes(6).toString('hex')}`;
  const template = options.empty ? 'template1' : templateName();
  await onServer(async (client) => {
    await client.query(`CREATE DATABASE "${name}" TEMPLATE "${template}"`);
    // No row has to survive a crash of the server, and waiting for the disk at every commit takes half of the time.
    await client.query(`ALTER DATABASE "${name}" SET synchronous_commit = off`);
  });
  if (options.model !== undefined) {
    const given = typeof options.model === 'string' ? plainModel(options.model) : options.model;
    const { model, queryPrefix, documentPrefix, context } = modelOf(given);
    await withClient(urlOf(name), (client) =>
      client.query('UPDATE embedding_settings SET model = $1, query_prefix = $2, document_prefix = $3, context = $4', [
        model,
        queryPrefix,
        documentPrefix,
        context,
      ]),
    );
  }
  return {
    url: urlOf(name),
    drop: async () => {
      await onServer((client) => dropDatabase(client, name));
    },
  };
}
