import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Database } from '@millrace/database';
import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';

let testDatabase: TestDatabase;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
});
afterAll(() => testDatabase.drop());

interface Outcome {
  code: number;
  output: string;
  complaint: string;
}

const program = join(__dirname, '..', 'dist', 'main.js');

/** Runs the command line program as its users do. */
function millrace(args: string[], databaseUrl = testDatabase.url): Promise<Outcome> {
  const env = { PATH: process.env.PATH, DATABASE_URL: databaseUrl };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, cwd: __dirname }, (error, output, complaint) => {
      resolve({ code: error === null ? 0 : Number(error.code), output, complaint });
    });
  });
}

test('When an index is built, reported, rebuilt and dropped, then each says what there is', async () => {
  const built = await millrace([
    'index',
    'build',
    'hnsw_binary',
    '--m',
    '8',
    '--ef-construction',
    '32',
    '--memory',
    '64MB',
  ]);
  expect(built).toMatchObject({ code: 0, complaint: '' });
  expect(built.output).toMatch(/^Built in [\d.]+ s: hnsw_binary \(m = 8, ef_construction = 32\), [\d.]+ MB\n$/);

  const report = await millrace(['index', 'report']);
  expect(report.output).toMatch(/^0 rows\nhnsw_binary \(m = 8, ef_construction = 32\), [\d.]+ MB\n$/);

  const rebuilt = await millrace(['index', 'rebuild', '--workers', '0']);
  expect(rebuilt.output).toMatch(/^Built in [\d.]+ s: hnsw_binary \(m = 8, ef_construction = 32\)/);

  expect((await millrace(['index', 'drop'])).output).toMatch(/^Dropped: hnsw_binary/);
  expect((await millrace(['index', 'build', 'none'])).output).toBe('There was no vector index.\n');
  expect((await millrace(['index', 'report'])).output).toBe(
    '0 rows\nNo vector index: searches compare every vector.\n',
  );
  const refused = await millrace(['index', 'rebuild']);
  expect(refused).toMatchObject({ code: 1, output: '' });
  expect(refused.complaint).toContain('There is no vector index to rebuild');
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'When %s comes, then the server stops building before the program ends',
  async (signal) => {
    const database = new Database({
      url: testDatabase.url,
      poolMax: 2,
      connectTimeoutMs: 5_000,
      applicationName: 'test',
    });
    const builds = () =>
      database.sql.many(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'millrace-index'
           AND state = 'active' AND query LIKE 'CREATE INDEX%'`,
      );
    try {
      await database.transaction(async (session) => {
        // A transaction that writes to the table holds a concurrent build back until it ends.
        await session.sql.none('LOCK TABLE document_chunks IN ROW EXCLUSIVE MODE');
        const child = spawn(process.execPath, [program, 'index', 'build', 'hnsw_binary'], {
          env: { PATH: process.env.PATH, DATABASE_URL: testDatabase.url },
          cwd: __dirname,
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        const ended = once(child, 'exit');
        let complaint = '';
        child.stderr.on('data', (data) => {
          complaint += data;
        });
        await waitFor('the build to have begun', async () => (await builds()).length > 0);
        child.kill(signal);
        // A terminal and npm both send it.
        child.kill(signal);
        expect(await ended).toEqual([130, null]);
        expect(complaint).toContain('Broken off');
        expect(await builds()).toEqual([]);
      });
    } finally {
      await database.close();
    }
    expect((await millrace(['index', 'report'])).output).toContain('not usable');
    expect((await millrace(['index', 'build', 'hnsw'])).output).toMatch(/^Built in/);
  },
);

test.each([
  [[], 'usage:'],
  [['vacuum'], 'Unknown command: vacuum'],
  [['index'], 'index needs an action'],
  [['index', 'explode'], 'index explode is not understood'],
  [['index', 'report', 'twice'], 'index report twice is not understood'],
  [['index', 'build'], 'index build needs a kind'],
  [['index', 'build', 'btree'], 'index build needs a kind'],
  [['index', 'build', 'hnsw', '--m', '1'], 'm must be a whole number from 2 to 100, not 1'],
  [['index', 'build', 'hnsw', '--lists', '10'], '--lists does not go with index build hnsw'],
  [['index', 'build', 'ivfflat_binary', '--m', '10'], '--m does not go with index build ivfflat_binary'],
  [['index', 'build', 'none', '--workers', '1'], '--workers does not go with index build none'],
  [['index', 'drop', '--memory', '1GB'], '--memory does not go with index drop'],
  [['index', 'build', 'hnsw', '--memory', 'lots'], '--memory must be a size'],
  [['index', 'build', 'hnsw', '--fast'], "'--fast'"],
])('When the line is %j, then it says what is wrong and how it goes', async (args, complaint) => {
  const outcome = await millrace(args);
  expect(outcome.code).toBe(2);
  expect(outcome.output + outcome.complaint).toContain(complaint);
  expect(outcome.output + outcome.complaint).toContain('index build KIND');
});

test('When the database is away, then it says so in one line', async () => {
  const outcome = await millrace(['index', 'report'], 'postgresql://nobody@127.0.0.1:9/none');
  expect(outcome).toMatchObject({ code: 1, output: '' });
  expect(outcome.complaint.trim()).toMatch(/^The database cannot be used: [^\n]*ECONNREFUSED[^\n]*$/);
});
