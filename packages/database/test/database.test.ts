import { createTestDatabase, type TestDatabase, waitFor } from '@millrace/test-support';
import { Database, type Session } from '../src';

describe('The database', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ url: testDatabase.url, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' });
    await database.sql.none('CREATE TABLE counters (id integer PRIMARY KEY, n integer NOT NULL)');
    await database.sql.none('INSERT INTO counters VALUES (1, 0), (2, 0)');
  });
  afterAll(async () => {
    await database?.close();
    await testDatabase?.drop();
  });

  test('When a transaction throws, then it is rolled back', async () => {
    await expect(
      database.transaction(async ({ sql }) => {
        await sql.none('UPDATE counters SET n = 99');
        throw new Error('no');
      }),
    ).rejects.toThrow('no');
    expect(await database.sql.many('SELECT n FROM counters WHERE n = 99')).toEqual([]);
  });

  test('When two processes want the same lock, then one runs and the other returns false', async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const ran: string[] = [];
    const first = database.tryWithLock(1, 10_000, async () => {
      ran.push('first');
      await held;
    });
    await waitFor('the first to begin', async () => ran.length === 1);
    expect(await database.tryWithLock(1, 10_000, async () => void ran.push('second'))).toBe(false);
    expect(await database.tryWithLock(2, 10_000, async () => void ran.push('another key'))).toBe(true);
    finish();
    expect(await first).toBe(true);
    expect(await database.tryWithLock(1, 10_000, async () => void ran.push('afterwards'))).toBe(true);
    expect(ran).toEqual(['first', 'another key', 'afterwards']);
  });

  test('When the holder of a lock is frozen, then another process gets the lock after the limit', async () => {
    let thaw: () => void = () => undefined;
    const frozen = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    let begun = false;
    const first = database.tryWithLock(3, 200, () => {
      begun = true;
      return frozen;
    });
    await waitFor('the first to begin', async () => begun);
    await waitFor('the lock to be free', () => database.tryWithLock(3, 10_000, async () => undefined));
    thaw();
    await expect(first).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('When two transactions wait for each other, then both succeed in the end', async () => {
    let arrived = 0;
    let bothArrived: () => void = () => undefined;
    const meeting = new Promise<void>((resolve) => {
      bothArrived = resolve;
    });
    const crossing = (first: number, second: number) =>
      database.transaction(async ({ sql }) => {
        await sql.none('UPDATE counters SET n = n + 1 WHERE id = $1', [first]);
        arrived += 1;
        if (arrived === 2) {
          bothArrived();
        }
        await meeting;
        await sql.none('UPDATE counters SET n = n + 1 WHERE id = $1', [second]);
      });
    await Promise.all([crossing(1, 2), crossing(2, 1)]);
    expect(await database.sql.many('SELECT n FROM counters ORDER BY id')).toEqual([{ n: 2 }, { n: 2 }]);
  });

  test('When a single statement and a transaction wait for each other, then both succeed in the end', async () => {
    let single: Promise<unknown> = Promise.resolve();
    await database.transaction(async ({ sql }) => {
      await sql.none('UPDATE counters SET n = 10 WHERE id = 1');
      // It locks the second row, then waits for the first. It has waited longer, so PostgreSQL ends this one.
      single = database.sql.many('SELECT id FROM counters ORDER BY id DESC FOR UPDATE');
      await waitFor('the statement to wait', async () => {
        const { waits } = await sql.one<{ waits: boolean }>(
          `SELECT EXISTS (SELECT FROM pg_stat_activity
                          WHERE datname = current_database() AND wait_event_type = 'Lock') AS waits`,
        );
        return waits;
      });
      await sql.none('UPDATE counters SET n = 10 WHERE id = 2');
    });
    expect(await single).toEqual([{ id: 2 }, { id: 1 }]);
    expect(await database.sql.many('SELECT n FROM counters')).toEqual([{ n: 10 }, { n: 10 }]);
  });

  test('When the server ends a connection in use, then the caller gets DATABASE_UNAVAILABLE and the pool still works', async () => {
    await expect(
      database.transaction(({ sql }) => sql.none('SELECT pg_terminate_backend(pg_backend_pid())')),
    ).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(await database.sql.one('SELECT 1 AS one')).toEqual({ one: 1 });
  });

  const pidOf = async ({ sql }: Session) => (await sql.one<{ pid: number }>('SELECT pg_backend_pid() AS pid')).pid;

  test('When a transaction fails after its connection was lost, then the caller gets the reason of the failure', async () => {
    await expect(
      database.transaction(async (session) => {
        const pid = await pidOf(session);
        await database.sql.one('SELECT pg_terminate_backend($1)', [pid]);
        await waitFor('the connection to be gone', async () => {
          const left = await database.sql.many('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
          return left.length === 0;
        });
        throw new Error('the reason');
      }),
    ).rejects.toThrow('the reason');
    const answers = await Promise.all([1, 2].map(() => database.sql.one('SELECT 1 AS one')));
    expect(answers).toEqual([{ one: 1 }, { one: 1 }]);
  });

  test.each(['ENOENT', 'ECONNREFUSED'])(
    'When work in a transaction throws its own %s, then that does not count as an outage',
    async (code) => {
      const options = { poolMax: 1, connectTimeoutMs: 60_000, maxOutageMs: 2_000, applicationName: 'test' };
      const single = new Database({ url: testDatabase.url, ...options });
      const failure = Object.assign(new Error('not about the database'), { code });
      let runs = 0;
      const fail = () => {
        runs += 1;
        return Promise.reject(failure);
      };
      try {
        const pid = await pidOf(single);
        await expect(single.transaction(fail)).rejects.toBe(failure);
        await expect(single.read(fail)).rejects.toBe(failure);
        await expect(single.tryWithLock(4, 10_000, fail)).rejects.toBe(failure);
        expect(runs).toBe(3);
        // The connection is kept too.
        expect(await pidOf(single)).toBe(pid);
      } finally {
        await single.close();
      }
    },
  );

  /** Opens a second pool with two connections. @returns it and their process ids on the server. */
  async function anotherPool(): Promise<{ pool: Database; pids: number[] }> {
    const pool = new Database({
      url: testDatabase.url,
      poolMax: 2,
      connectTimeoutMs: 60_000,
      applicationName: 'closing',
    });
    const pids = await Promise.all([1, 2].map(() => pool.transaction(pidOf)));
    return { pool, pids };
  }

  test('When a pool is closed, then the server has none of its connections left', async () => {
    for (let round = 0; round < 10; round += 1) {
      const { pool, pids } = await anotherPool();
      await pool.close();
      const left = await database.sql.many('SELECT pid FROM pg_stat_activity WHERE pid = ANY($1)', [pids]);
      expect(left).toEqual([]);
    }
  });

  test('When the server ends connections that are being closed, then no error is thrown', async () => {
    // An uncaught error would fail the test.
    for (let round = 0; round < 30; round += 1) {
      const { pool, pids } = await anotherPool();
      await Promise.all([
        database.sql.many('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]),
        pool.close(),
      ]);
    }
    await expect(database.sql.one<{ one: number }>('SELECT 1 AS one')).resolves.toEqual({ one: 1 });
  });

  test('When there is no server, then the caller gets DATABASE_UNAVAILABLE', async () => {
    const nowhere = new Database({
      url: 'postgresql://nobody@127.0.0.1:1/none',
      poolMax: 1,
      connectTimeoutMs: 60_000,
      applicationName: 'test',
    });
    await expect(nowhere.sql.one('SELECT 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await expect(nowhere.transaction(({ sql }) => sql.one('SELECT 1'))).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await nowhere.close();
  });

  test('When the name or the password is wrong, then the reason is given', async () => {
    const url = new URL(testDatabase.url);
    url.password = 'wrong';
    const locked = new Database({ url: url.toString(), poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
    await expect(locked.sql.one('SELECT 1')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('password authentication failed'),
    });
    await locked.close();
    const missing = testDatabase.url.replace(/\/[^/]+$/, '/no_such_database');
    const absent = new Database({ url: missing, poolMax: 1, connectTimeoutMs: 60_000, applicationName: 'test' });
    await expect(absent.sql.one('SELECT 1')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('no_such_database'),
    });
    await absent.close();
  });

  test('When a statement is malformed, then its error does not count as an outage', async () => {
    await expect(database.sql.one("SELECT 'a\0b'")).rejects.not.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });
});
