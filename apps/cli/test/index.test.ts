import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Database } from '@millrace/database';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { cleanUp, failUsage, makeContext, millrace, program } from './helpers';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(async () => {
  await testDatabase?.drop();
  cleanUp();
});

/** Runs the program on the test's database. */
const onDatabase = (...args: string[]) =>
  millrace(args, { environment: { DATABASE_URL: testDatabase.url, EMBEDDING_CONTEXT: 'none' } });

test('When an index is built, reported, rebuilt and dropped, then each command describes the index', async () => {
  const built = await onDatabase(
    'index',
    'build',
    'hnsw_binary',
    '--m',
    '8',
    '--ef-construction',
    '32',
    '--memory',
    '64MB',
  );
  expect(built).toMatchObject({ code: 0, errors: '' });
  expect(built.output).toMatch(/^Built in [\d.]+ s: hnsw_binary \(m = 8, ef_construction = 32\), [\d.]+ MB\n$/);

  const report = await onDatabase('index', 'report');
  expect(report.output).toMatch(/^0 rows\nhnsw_binary \(m = 8, ef_construction = 32\), [\d.]+ MB\n$/);

  const rebuilt = await onDatabase('index', 'rebuild', '--workers', '0');
  expect(rebuilt.output).toMatch(/^Built in [\d.]+ s: hnsw_binary \(m = 8, ef_construction = 32\)/);

  expect((await onDatabase('index', 'drop')).output).toMatch(/^Dropped: hnsw_binary/);
  expect((await onDatabase('index', 'build', 'none')).output).toBe('There was no vector index.\n');
  expect((await onDatabase('index', 'report')).output).toBe(
    '0 rows\nNo vector index: searches compare every vector.\n',
  );
  const refused = await onDatabase('index', 'rebuild');
  expect(refused).toMatchObject({ code: 1, output: '' });
  expect(refused.errors).toContain('There is no vector index to rebuild');
});

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  'When %s arrives, then the server stops the build before the program ends with code %i',
  async (signal, code) => {
    const database = new Database({
      url: testDatabase.url,
      poolMax: 2,
      connectTimeoutMs: 60_000,
      applicationName: 'test',
    });
    const builds = () =>
      database.sql.many(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'millrace-index'
           AND state = 'active' AND query LIKE 'CREATE INDEX%'`,
      );
    try {
      await database.transaction(async (session) => {
        // A transaction that writes to the table blocks a concurrent build until it ends.
        await session.sql.none('LOCK TABLE document_chunks IN ROW EXCLUSIVE MODE');
        const child = spawn(process.execPath, [program, 'index', 'build', 'hnsw_binary'], {
          env: { PATH: process.env.PATH, DATABASE_URL: testDatabase.url, EMBEDDING_CONTEXT: 'none' },
          cwd: __dirname,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        const ended = once(child, 'exit');
        let errors = '';
        child.stderr.on('data', (data) => {
          errors += data;
        });
        await waitFor('the build to have begun', async () => (await builds()).length > 0);
        child.kill(signal);
        // The terminal and npm both send the signal, so it arrives twice.
        child.kill(signal);
        expect(await ended).toEqual([code, null]);
        expect(errors).toContain('Interrupted. The next build removes');
        expect(await builds()).toEqual([]);
      });
    } finally {
      await database.close();
    }
    expect((await onDatabase('index', 'report')).output).toContain('not usable');
    expect((await onDatabase('index', 'build', 'hnsw')).output).toMatch(/^Built in/);
  },
);

test.each([
  [[], 'Commands:'],
  [['explode'], "unknown command 'explode'"],
  [['report', 'twice'], 'too many arguments'],
  [['build'], "missing required argument 'kind'"],
  [['build', 'btree'], "argument 'kind'. Allowed choices are hnsw"],
  [['build', 'hnsw', '--m', '1'], 'It must be a whole number from 2 to 100.'],
  [['build', 'hnsw', '--lists', '10'], '--lists does not go with index build hnsw.'],
  [
    ['build', 'ivfflat_binary', '--ef-construction', '10'],
    '--ef-construction does not go with index build ivfflat_binary.',
  ],
  [['build', 'none', '--workers', '1'], '--workers does not go with index build none.'],
  [['drop', '--memory', '1GB'], "unknown option '--memory'"],
  [['build', 'hnsw', '--memory', 'lots'], 'It must be a size such as 512MB or 4GB.'],
  [['build', 'hnsw', '--fast'], "unknown option '--fast'"],
])('When the arguments are %j, then the error and the usage are printed', async (args, message) => {
  const printed = await failUsage(makeContext(), 'index', ...args);
  expect(printed).toContain(message);
  expect(printed).toContain('Usage: millrace index');
});

test('When the database does not answer, then the error names DATABASE_URL', async () => {
  const outcome = await millrace(['index', 'report'], {
    environment: { DATABASE_URL: 'postgresql://nobody@127.0.0.1:9/none' },
  });
  expect(outcome).toMatchObject({ code: 1, output: '' });
  expect(outcome.errors).toMatch(
    /^DATABASE_URL is set to postgresql:\/\/nobody@127\.0\.0\.1:9\/none, but .*ECONNREFUSED/,
  );
});
