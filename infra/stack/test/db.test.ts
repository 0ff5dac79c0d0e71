import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Database, defaultCollectionId, migrationNames, systemOwnerId } from '@millrace/database';
import { createTestDatabase, createTestEnvironment, type TestDatabase, unitVector } from '@millrace/test-support';
import { dbCommand } from '../src/commands/db';
import { UsageError } from '../src/commands/usage';
import { withClient } from '../src/postgresProbe';
import { cleanUp, makeContext, makeFolder } from './helpers';

const databases: TestDatabase[] = [];
afterAll(async () => {
  await Promise.all(databases.map((database) => database.drop()));
  await cleanUp();
});

async function newDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const database = await createTestDatabase(options);
  databases.push(database);
  return database;
}

const contextFor = (database: { url: string }, more: Record<string, string> = {}) =>
  makeContext({ DATABASE_URL: database.url, ...more });

function rowsOf<T extends object>(url: string, statement: string): Promise<T[]> {
  return withClient(url, 20_000, async (client) => (await client.query<T>(statement)).rows);
}

/** Documents with chunks whose vectors are of every awkward kind: tiny, huge, negative zero, of uneven digits. */
async function fill(url: string, documents: number, chunksEach: number): Promise<void> {
  const database = new Database({ url, poolMax: 1, connectTimeoutMs: 5_000, applicationName: 'test' });
  try {
    for (let n = 0; n < documents; n += 1) {
      const id = `00000000-0000-7000-9000-${String(n).padStart(12, '0')}`;
      await database.transaction(async (session) => {
        await session.documents.insertIfNew({
          id,
          collection_id: defaultCollectionId,
          owner_id: systemOwnerId,
          filename: `${n} ünïcode "quoted".pdf`,
          source_path: `originals/${id}`,
          content_hash: String(n).padStart(64, '0'),
          mime_type: 'application/pdf',
          size_bytes: 10,
        });
        await session.documentChunks.upsertAll(
          Array.from({ length: chunksEach }, (_, index) => {
            const embedding = unitVector(index);
            embedding.set([1e-38, -0, Math.fround(1 / 3) / (n + 1), 3.4e38 * (n / documents)], 4);
            return {
              id: `00000000-0000-7000-${String(8000 + n)}-${String(index).padStart(12, '0')}`,
              documentId: id,
              collectionId: defaultCollectionId,
              ownerId: systemOwnerId,
              chunkIndex: index,
              chunkHash: String(index),
              contentHash: `${n}-${index}`,
              content: `Text ${index}\n\twith "quotes", \\. and 日本語`,
              tokenCount: 3,
              pageStart: 1,
              pageEnd: 1,
              section: null,
              coordinates: [{ page: 1, x0: 0.1, y0: 0.2, x1: 1 / 3, y1: 0.4 }],
              embedding,
              embeddingModel: 'millrace-static-v1',
            };
          }),
        );
      });
    }
  } finally {
    await database.close();
  }
}

/** Everything the database holds, the vectors as the bytes they are. */
async function contentOf(url: string): Promise<Record<string, unknown>> {
  const tables = await rowsOf<{ name: string }>(
    url,
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
  );
  const content: Record<string, unknown> = {
    vectors: await rowsOf(
      url,
      `SELECT id, encode(vector_send(embedding), 'hex') AS bytes FROM document_chunks ORDER BY id`,
    ),
  };
  for (const { name } of tables) {
    content[name] = await rowsOf(url, `SELECT to_jsonb(t) AS row FROM ${name} t ORDER BY to_jsonb(t)::text`);
  }
  return content;
}

const indexesOf = (url: string) =>
  rowsOf(url, `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`);

describe('db backup and restore', () => {
  test('When a backup is restored elsewhere, then every row, vector byte and index is as it was', async () => {
    const source = await newDatabase();
    await fill(source.url, 3, 20);
    const file = join(makeFolder(), 'kept', 'millrace.dump');
    const context = contextFor(source);
    expect(await dbCommand(context, ['backup', file])).toBe(0);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(existsSync(`${file}.unfinished`)).toBe(false);

    const target = await newDatabase({ empty: true });
    expect(await dbCommand(contextFor(target), ['restore', file])).toBe(0);
    const before = await contentOf(source.url);
    expect(before.vectors).toHaveLength(60);
    expect(await contentOf(target.url)).toEqual(before);
    expect(await indexesOf(target.url)).toEqual(await indexesOf(source.url));
    const log = readFileSync(join(context.logDir, 'pg_dump.log'), 'utf8');
    expect(log).not.toContain(new URL(source.url).password);
  });

  test('When the database is not empty, then a restore refuses, and with --yes replaces what is there', async () => {
    const source = await newDatabase();
    await fill(source.url, 1, 2);
    const file = join(makeFolder(), 'one.dump');
    await dbCommand(contextFor(source), ['backup', file]);
    const target = await newDatabase();
    await fill(target.url, 3, 1);
    const before = await contentOf(target.url);
    await expect(dbCommand(contextFor(target), ['restore', file])).rejects.toThrow(/not empty.*--yes/);
    expect(await contentOf(target.url)).toEqual(before);
    await dbCommand(contextFor(target), ['restore', file, '--yes']);
    expect((await contentOf(target.url)).vectors).toEqual((await contentOf(source.url)).vectors);
  });

  test.each([
    ['cut off', (file: string) => truncateSync(file, statSync(file).size - 2_000)],
    ['something else', (file: string) => writeFileSync(file, 'no backup')],
  ])('When the file is %s, then it is refused before anything is deleted', async (_, spoil) => {
    const database = await newDatabase();
    await fill(database.url, 1, 10);
    const file = join(makeFolder(), 'spoilt.dump');
    await dbCommand(contextFor(database), ['backup', file]);
    spoil(file);
    const before = await contentOf(database.url);
    await expect(dbCommand(contextFor(database), ['restore', file, '--yes'])).rejects.toThrow(/not a whole backup/);
    expect(await contentOf(database.url)).toEqual(before);
  });

  test('When the backup is of an older version, then the migrations since are run', async () => {
    const source = await newDatabase();
    await dbCommand(contextFor(source), ['rollback', '2']);
    const file = join(makeFolder(), 'older.dump');
    await dbCommand(contextFor(source), ['backup', file]);
    const target = await newDatabase({ empty: true });
    await dbCommand(contextFor(target), ['restore', file]);
    const names = await rowsOf<{ name: string }>(target.url, 'SELECT name FROM pgmigrations ORDER BY name');
    expect(names.map((row) => row.name)).toEqual(migrationNames());
  });

  test('When the file is there already, or cannot be made, then it is said and nothing is left', async () => {
    const database = await newDatabase();
    const file = join(makeFolder(), 'kept.dump');
    writeFileSync(file, 'precious');
    await expect(dbCommand(contextFor(database), ['backup', file])).rejects.toThrow(/never written over/);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    await expect(dbCommand(contextFor(database), ['restore', `${file}.missing`])).rejects.toThrow(/no file/);
  });
});

describe('db seed', () => {
  test('When it is run twice, then the samples are ingested, and once', async () => {
    const environment = await createTestEnvironment();
    try {
      const context = makeContext(environment.variables);
      expect(await dbCommand(context, ['seed'])).toBe(0);
      expect(await dbCommand(context, ['seed'])).toBe(0);
      expect(context.said).toContain('Seeded: 3 documents new, 0 already there.');
      expect(context.said).toContain('Seeded: 0 documents new, 3 already there.');
      const documents = await rowsOf(
        environment.variables.DATABASE_URL ?? '',
        'SELECT filename, status FROM documents ORDER BY 1',
      );
      expect(documents).toEqual([
        { filename: 'annual-report.pdf', status: 'ready' },
        { filename: 'letter.pdf', status: 'ready' },
        { filename: 'turbine-manual.pdf', status: 'ready' },
      ]);
    } finally {
      await environment.cleanUp();
    }
  });
});

describe('db setup, reset and rollback', () => {
  test('When setup is run on a server without the database, then it is made with tables and roles, and again nothing changes', async () => {
    const existing = await newDatabase({ empty: true });
    const url = existing.url;
    await existing.drop();
    const context = makeContext({ DATABASE_URL: url });
    expect(await dbCommand(context, ['setup'])).toBe(0);
    const file = join(context.stateDir, 'database-roles.env');
    const kept = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await dbCommand(context, ['setup'])).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(kept);
    const serviceUrl = /DATABASE_URL='(.*)'/.exec(kept)?.[1] ?? '';
    expect(await rowsOf(serviceUrl, 'SELECT name FROM collections')).toEqual([{ name: 'default' }]);
    await expect(rowsOf(serviceUrl, 'CREATE TABLE mine (id integer)')).rejects.toMatchObject({ code: '42501' });
    expect(context.said.join('\n')).not.toContain(new URL(serviceUrl).password);
  });

  test('When passwords are given, then the roles have those', async () => {
    const database = await newDatabase();
    const passwords = {
      DATABASE_SERVICE_PASSWORD: 'given/service@1?x',
      DATABASE_READONLY_PASSWORD: 'given-readonly-1',
    };
    const context = contextFor(database, passwords);
    await dbCommand(context, ['roles']);
    const url = new URL(database.url);
    url.username = `${url.pathname.slice(1)}_service`;
    url.password = encodeURIComponent(passwords.DATABASE_SERVICE_PASSWORD);
    expect(await rowsOf(url.href, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  test('When the roles are there and their passwords are not known here, then they keep them', async () => {
    const database = await newDatabase();
    const there = contextFor(database);
    await dbCommand(there, ['roles']);
    const serviceUrl = /DATABASE_URL='(.*)'/.exec(
      readFileSync(join(there.stateDir, 'database-roles.env'), 'utf8'),
    )?.[1];
    const here = contextFor(database);
    await dbCommand(here, ['roles']);
    expect(await rowsOf(serviceUrl ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(readFileSync(join(here.stateDir, 'database-roles.env'), 'utf8')).toContain('_service@');
  });

  test('When a reset is confirmed, then no document is left and services can begin again', async () => {
    const database = await newDatabase();
    await fill(database.url, 1, 1);
    await expect(dbCommand(contextFor(database), ['reset'])).rejects.toThrow(/deletes every document.*--yes/);
    expect(await rowsOf(database.url, 'SELECT FROM documents')).toHaveLength(1);
    await dbCommand(contextFor(database), ['reset', '--yes']);
    expect(await rowsOf(database.url, 'SELECT FROM documents')).toHaveLength(0);
    expect(await rowsOf(database.url, 'SELECT name FROM collections')).toEqual([{ name: 'default' }]);
  });

  test('When a migration is rolled back and run again, then both are named', async () => {
    const database = await newDatabase();
    const context = contextFor(database);
    const newest = migrationNames().at(-1);
    await dbCommand(context, ['rollback']);
    await dbCommand(context, ['migrate']);
    await dbCommand(context, ['migrate']);
    expect(context.said).toEqual([`Undid: ${newest}`, `Ran: ${newest}`, 'No migration to run.']);
  });

  test('When the owner is named beside the role of the services, then the commands run as the owner', async () => {
    const database = await newDatabase();
    await dbCommand(contextFor(database), ['rollback']);
    const service = new URL(database.url);
    service.username = 'nobody';
    const context = makeContext({ DATABASE_URL: service.href, DATABASE_MIGRATION_URL: database.url });
    expect(await dbCommand(context, ['migrate'])).toBe(0);
  });

  test('When the status is asked for, then each query is a table or says why it is none', async () => {
    const database = await newDatabase();
    await fill(database.url, 1, 1);
    const context = contextFor(database);
    await dbCommand(context, ['status']);
    const text = context.said.join('\n');
    expect(text).toMatch(/^Table sizes: .*\n {2}table +rows +heap/m);
    expect(text).toMatch(/^ {2}document_chunks +document_chunks_embedding +hnsw/m);
    expect(text).toMatch(/^Unfinished jobs: .*\n {2}\(none\)/m);
    expect(text).toMatch(/^Slow statements: .*\n {2}\(this database does not have the extension pg_stat_statements\)/m);
  });

  test.each([
    [[]],
    [['sideways']],
    [['migrate', 'down']],
    [['rollback', 'all']],
    [['restore']],
    [['restore', '--yes']],
    [['seed', 'x']],
  ])('When db gets %j, then it is a usage error and nothing is done', async (args) => {
    const database = await newDatabase({ empty: true });
    await expect(dbCommand(contextFor(database), args)).rejects.toBeInstanceOf(UsageError);
    expect(await rowsOf(database.url, `SELECT FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });
});
