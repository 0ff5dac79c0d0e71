import { readFileSync, statSync } from 'node:fs';
import { Database, migrationNames } from '@millrace/database';
import { createTestEnvironment } from '@millrace/test-support';
import { contextFor, dropDatabases, fill, newDatabase, rolesFileOf, rowsOf, serviceUrlOf } from './databases';
import { cleanUp, db, failUsage, makeContext } from './helpers';

afterAll(async () => {
  await dropDatabases();
  cleanUp();
});

describe('db seed', () => {
  test('When it runs twice, then the samples are ingested once', async () => {
    const environment = await createTestEnvironment();
    try {
      const context = makeContext(environment.variables);
      expect(await db(context, 'seed')).toBe(0);
      expect(await db(context, 'seed')).toBe(0);
      expect(context.printed).toContain('Seeded: 3 documents new, 0 already in the collection.');
      expect(context.printed).toContain('Seeded: 0 documents new, 3 already in the collection.');
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
  test('When setup runs on a server without the database, then it makes the database, tables and roles, and a second setup changes nothing', async () => {
    const existing = await newDatabase({ empty: true });
    const url = existing.url;
    await existing.drop();
    const context = makeContext({ DATABASE_URL: url });
    expect(await db(context, 'setup')).toBe(0);
    const file = rolesFileOf(context);
    const kept = readFileSync(file, 'utf8');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await db(context, 'setup')).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(kept);
    const serviceUrl = serviceUrlOf(context);
    expect(await rowsOf(serviceUrl, 'SELECT name FROM collections')).toEqual([{ name: 'default' }]);
    await expect(rowsOf(serviceUrl, 'CREATE TABLE mine (id integer)')).rejects.toMatchObject({ code: '42501' });
    expect(context.printed.join('\n')).not.toContain(new URL(serviceUrl).password);
  });

  test('When a reset is confirmed, then no document is left and the tables are as new', async () => {
    const database = await newDatabase();
    await fill(database.url, 1, 1);
    const { host } = new URL(database.url);
    await expect(db(contextFor(database), 'reset')).rejects.toThrow(
      new RegExp(`deletes every document.* in ${host}/.*--yes`),
    );
    expect(await rowsOf(database.url, 'SELECT FROM documents')).toHaveLength(1);
    await db(contextFor(database), 'reset', '--yes');
    expect(await rowsOf(database.url, 'SELECT FROM documents')).toHaveLength(0);
    expect(await rowsOf(database.url, 'SELECT name FROM collections')).toEqual([{ name: 'default' }]);
  });

  test('When a migration is rolled back and run again, then its name is shown each time', async () => {
    const database = await newDatabase();
    const context = contextFor(database);
    const newest = migrationNames().at(-1);
    await db(context, 'rollback', '--yes');
    await db(context, 'migrate');
    await db(context, 'migrate');
    const { host, pathname } = new URL(database.url);
    const place = `${host}${pathname}`;
    expect(context.printed).toEqual([
      `Undid in ${place}: ${newest}`,
      `Ran in ${place}: ${newest}`,
      `No migration to run in ${place}.`,
    ]);
  });

  test.each([[['reset', '--yes']], [['rollback', '--yes']], [['restore', __filename, '--yes']]])(
    'When a service is connected from any machine, then %j is refused and deletes nothing',
    async (args) => {
      const [database, other] = [await newDatabase(), await newDatabase()];
      await fill(database.url, 1, 1);
      const connect = (url: string, applicationName: string) =>
        new Database({ url, poolMin: 1, poolMax: 1, connectTimeoutMs: 60_000, applicationName });
      const service = connect(database.url, 'millrace-embedder');
      const elsewhere = connect(other.url, 'millrace-api');
      try {
        await Promise.all([service, elsewhere].map((pool) => pool.sql.one('SELECT 1 AS one')));
        await expect(db(contextFor(database), ...args)).rejects.toThrow(
          /^millrace-embedder is connected to .*Stop all services/,
        );
        expect(await rowsOf(database.url, 'SELECT FROM documents')).toHaveLength(1);
      } finally {
        await Promise.all([service.close(), elsewhere.close()]);
      }
      if (args[0] === 'reset') {
        expect(await db(contextFor(database), ...args)).toBe(0);
      }
    },
  );

  test('When the owner and the role of the services are configured, then the commands run as the owner', async () => {
    const database = await newDatabase();
    await db(contextFor(database), 'rollback', '--yes');
    const service = new URL(database.url);
    service.username = 'nobody';
    const context = makeContext({ DATABASE_URL: service.href, DATABASE_MIGRATION_URL: database.url });
    expect(await db(context, 'migrate')).toBe(0);
  });

  test('When the status is shown, then each query has a table or the reason why it has none', async () => {
    const database = await newDatabase();
    await fill(database.url, 1, 1);
    const context = contextFor(database);
    await db(context, 'status');
    const text = context.printed.join('\n');
    expect(text).toMatch(/^Table sizes: .*\n {2}table +rows +heap/m);
    expect(text).toMatch(/^ {2}document_chunks +document_chunks_embedding +hnsw/m);
    expect(text).toMatch(/^Unfinished jobs: .*\n {2}\(none\)/m);
    expect(text).toMatch(/^Slow statements: .*\n {2}\(this database does not have the extension pg_stat_statements\)/m);
  });

  test.each([
    [[]],
    [['sideways']],
    [['migrate', 'down']],
    [['rollback', 'all', '--yes']],
    [['rollback']],
    [['rollback', '2']],
    [['restore']],
    [['restore', '--yes']],
    [['seed', 'x']],
  ])('When db gets %j, then it is a usage error and changes nothing', async (args) => {
    const database = await newDatabase({ empty: true });
    expect(await failUsage(contextFor(database), 'db', ...args)).toContain('Usage: millrace db');
    expect(await rowsOf(database.url, `SELECT FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });
});
