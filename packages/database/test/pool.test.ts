import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { Database, type DatabaseOptions } from '../src';

let testDatabase: TestDatabase;
let observer: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  observer = open({ applicationName: 'observer' });
});
afterAll(async () => {
  await observer?.close();
  await testDatabase?.drop();
});

function open(options: Partial<DatabaseOptions>): Database {
  return new Database({
    url: testDatabase.url,
    poolMax: 5,
    connectTimeoutMs: 60_000,
    applicationName: 'loaded',
    ...options,
  });
}

/** Runs `work` on a pool of its own and closes it. */
async function withPool(options: Partial<DatabaseOptions>, work: (database: Database) => Promise<void>): Promise<void> {
  const database = open(options);
  try {
    await work(database);
  } finally {
    await database.close();
  }
}

/** Returns the server's sessions of the pool under test and their states. */
async function onServer(): Promise<{ pid: number; state: string }[]> {
  return observer.sql.many(
    `SELECT pid, state FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'loaded' ORDER BY pid`,
  );
}

/** Expects that no connection is in use, here and on the server. */
async function expectNoneLeaked(database: Database): Promise<void> {
  expect(database.counts().primary).toMatchObject({ active: 0, waiting: 0 });
  await waitFor('all sessions to be idle', async () => (await onServer()).every(({ state }) => state === 'idle'));
  expect(await onServer()).toHaveLength(database.counts().primary?.idle ?? -1);
}

const pidOf = (database: Database) => database.sql.one<{ pid: number }>('SELECT pg_backend_pid() AS pid');

describe('A pool under load', () => {
  test('When 50 statements arrive at once at a pool of 15, then at most 15 connections answer them all', () =>
    withPool({ poolMax: 15 }, async (database) => {
      const statements = Array.from({ length: 50 }, (_, n) =>
        database.sql.one<{ n: number; pid: number }>(
          'SELECT $1::integer AS n, pg_backend_pid() AS pid, pg_sleep(0.05)',
          [n],
        ),
      );
      expect(database.counts().primary).toEqual({ active: 15, idle: 0, waiting: 35, max: 15 });
      const rows = await Promise.all(statements);
      expect(rows.map((row) => row.n)).toEqual(Array.from({ length: 50 }, (_, n) => n));
      expect(new Set(rows.map((row) => row.pid)).size).toBe(15);
      await expectNoneLeaked(database);
    }));

  test('When 25 transactions are open at the same time, then each has a connection of its own', () =>
    withPool({ poolMax: 25 }, async (database) => {
      let arrived = 0;
      const pids = await Promise.all(
        Array.from({ length: 25 }, () =>
          database.transaction(async ({ sql }) => {
            arrived += 1;
            await waitFor('all transactions to begin', async () => arrived === 25);
            return (await sql.one<{ pid: number }>('SELECT pg_backend_pid() AS pid')).pid;
          }),
        ),
      );
      expect(new Set(pids).size).toBe(25);
      await expectNoneLeaked(database);
    }));

  test('When it has fewer connections than callers, then each caller is answered or refused with DATABASE_BUSY', () =>
    // A new connection must be made within this limit too, also on a busy machine.
    withPool({ poolMax: 2, connectTimeoutMs: 3_000 }, async (database) => {
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      const holders = [1, 2].map(() => database.transaction(() => released));
      const refused = Array.from({ length: 10 }, (_, n) =>
        n % 2 ? database.sql.one('SELECT 1') : database.transaction(({ sql }) => sql.one('SELECT 1')),
      );
      for (const { status, reason } of (await Promise.allSettled(refused)) as PromiseRejectedResult[]) {
        expect(status).toBe('rejected');
        expect(reason).toMatchObject({ code: 'DATABASE_BUSY', retryable: true });
      }
      release();
      await Promise.all(holders);
      expect(await database.sql.one('SELECT 1 AS one')).toEqual({ one: 1 });
      await expectNoneLeaked(database);
    }));

  test('When statements and transactions fail in every way at once, then the pool loses no connection', () =>
    withPool({ poolMax: 4, statementTimeoutMs: 3_000 }, async (database) => {
      const failures = Array.from({ length: 10 }, () => [
        database.sql.one('SELECT 1 / 0'),
        database.sql.one('SELECT 1 WHERE false'),
        database.sql.none('no SQL'),
        database.sql.many('SELECT pg_sleep(60)'),
        database.sql.none('DO $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END $$'),
        database.transaction(({ sql }) => sql.one('SELECT 1 / 0')),
        database.transaction(() => Promise.reject(new Error('The work failed.'))),
        database.tryWithLock(1, 1_000, () => Promise.reject(new Error('The work failed.'))),
      ]).flat();
      const results = await Promise.allSettled(failures);
      // Some calls that want the same lock do not get it. They do not fail.
      expect(results.filter(({ status }) => status === 'rejected').length).toBeGreaterThanOrEqual(71);
      const answers = await Promise.all(Array.from({ length: 20 }, () => database.sql.one('SELECT 1 AS one')));
      expect(answers).toEqual(Array(20).fill({ one: 1 }));
      await expectNoneLeaked(database);
    }));
});

describe('A statement that takes too long', () => {
  test('When it runs alone or in a transaction, then the server ends it and the code is DATABASE_TIMEOUT', () =>
    withPool({ statementTimeoutMs: 300 }, async (database) => {
      const tooLong = { code: 'DATABASE_TIMEOUT', retryable: true };
      await expect(database.sql.many('SELECT pg_sleep(10)')).rejects.toMatchObject(tooLong);
      await expect(database.transaction(({ sql }) => sql.many('SELECT pg_sleep(10)'))).rejects.toMatchObject(tooLong);
      await expect(database.read(({ sql }) => sql.many('SELECT pg_sleep(10)'))).rejects.toMatchObject(tooLong);
      await expectNoneLeaked(database);
    }));

  test('When it has ended, then no session keeps the limit', () =>
    withPool({ poolMax: 1, statementTimeoutMs: 60_000 }, async (database) => {
      expect(await database.sql.one('SHOW statement_timeout')).toEqual({ statement_timeout: '1min' });
      // Another client of the session, behind a pooler, would see this setting.
      await database.sql.none('COMMIT; CREATE TABLE seen AS SELECT current_setting($1) AS value', [
        'statement_timeout',
      ]);
      expect(await observer.sql.one('SELECT value FROM seen')).toEqual({ value: '0' });
    }));
});

describe('The connections of a pool', () => {
  test('When a connection has reached its age, then another one replaces it', () =>
    withPool({ poolMax: 1, maxLifetimeMs: 200 }, async (database) => {
      const { pid } = await pidOf(database);
      await waitFor('another connection', async () => (await pidOf(database)).pid !== pid);
      await expectNoneLeaked(database);
    }));

  test('When they are idle, then all but the minimum are closed', () =>
    withPool({ poolMax: 5, poolMin: 2, idleTimeoutMs: 500 }, async (database) => {
      let arrived = 0;
      const useOne = () =>
        database.transaction(async () => {
          arrived += 1;
          await waitFor('all connections to be in use', async () => arrived === 5);
        });
      await Promise.all(Array.from({ length: 5 }, useOne));
      expect(database.counts().primary?.idle).toBe(5);
      await waitFor('the others to close', async () => (await onServer()).length === 2);
      await waitFor('the minimum to be idle for much longer', async () => {
        const { ms } = await observer.sql.one<{ ms: number }>(
          `SELECT extract(epoch FROM now() - max(state_change))::float8 * 1000 AS ms FROM pg_stat_activity
           WHERE datname = current_database() AND application_name = 'loaded'`,
        );
        return ms > 1_500;
      });
      expect(await onServer()).toHaveLength(2);
    }));
});

test('When statements are wanted, then each is given without its values, and other pools give none', async () => {
  const statements: string[] = [];
  await withPool({ onStatement: (statement) => statements.push(statement) }, async (database) => {
    await database.sql.one('SELECT $1::text AS value', ['a secret']);
    await database.transaction(({ sql }) => sql.one('SELECT $<value>::text AS value', { value: 'a secret' }));
    await observer.sql.one('SELECT 8 AS value');
  });
  expect(statements).toEqual(['SELECT $1::text AS value', 'SELECT $<value>::text AS value']);
});
