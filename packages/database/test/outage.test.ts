import { createTestDatabase, type TestDatabase, Wire, waitFor } from '@millrace/test-support';
import { Database } from '../src';

let testDatabase: TestDatabase;
/** Connects straight to the server. */
let observer: Database;
let wire: Wire;
/** Connects over the wire and waits for an unreachable server for longer than a test takes. */
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  observer = open(testDatabase.url);
  await observer.sql.none(
    `CREATE TABLE visits (id integer);
     CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END';
     CREATE TABLE slow_commits (id integer);
     CREATE CONSTRAINT TRIGGER pause AFTER INSERT ON slow_commits DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION pause()`,
  );
});
afterAll(async () => {
  await observer?.close();
  await testDatabase?.drop();
});
beforeEach(async () => {
  await observer.sql.none('TRUNCATE visits, slow_commits');
  const wired = await Wire.to(testDatabase.url);
  wire = wired.wire;
  database = open(wired.url, { maxOutageMs: 300_000, applicationName: 'waiting' });
});
afterEach(async () => {
  await database?.close();
  await wire?.close();
});

function open(url: string, more: { maxOutageMs?: number; applicationName?: string } = {}): Database {
  return new Database({ url, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'observer', ...more });
}

/** Lets statements that take the lock wait until `release` is called. */
async function holdLock(): Promise<{ release: () => Promise<void> }> {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let holding: Promise<void> = Promise.resolve();
  await new Promise<void>((resolve, reject) => {
    holding = observer.transaction(async ({ sql }) => {
      await sql.one('SELECT pg_advisory_xact_lock(7)');
      resolve();
      await ended;
    });
    holding.catch(reject);
  });
  const release = async () => {
    end();
    await holding;
  };
  return { release };
}

const countOf = async (table: string) =>
  (await observer.sql.one<{ count: number }>(`SELECT count(*)::integer AS count FROM ${table}`)).count;

/** Waits for a statement on the database under test. @returns its server process. */
async function busyProcess(): Promise<number> {
  return waitFor('a statement to run', async () => {
    const row = await observer.sql.oneOrNone<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
       WHERE datname = current_database() AND application_name = 'waiting' AND wait_event_type = 'Lock'`,
    );
    return row?.pid;
  });
}

/** Ends sessions as a server does when it is stopped. */
async function terminateSession(): Promise<void> {
  await observer.sql.many('SELECT pg_terminate_backend($1)', [await busyProcess()]);
}

const isGone = async (pid: number) =>
  (await observer.sql.many('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).length === 0;

async function cutWhileBusy(): Promise<void> {
  await busyProcess();
  wire.cut();
}

describe('When the server is unreachable', () => {
  test('then statements and transactions wait, and run once when it is back', async () => {
    wire.cut();
    const work = [
      database.sql.none('INSERT INTO visits VALUES (1)'),
      database.transaction(({ sql }) => sql.none('INSERT INTO visits VALUES (2)')),
      database.read(({ sql }) => sql.many('SELECT FROM visits')),
    ];
    await waitFor('all to be refused several times', async () => wire.refused >= 6);
    wire.mend();
    await Promise.all(work);
    expect(await countOf('visits')).toBe(2);
  });

  test('and stays unreachable, then all get DATABASE_UNAVAILABLE when the time is over', async () => {
    const impatient = open('postgresql://nobody@127.0.0.1:1/none', { maxOutageMs: 700 });
    const begun = performance.now();
    const unavailable = { code: 'DATABASE_UNAVAILABLE', retryable: true };
    await Promise.all([
      expect(impatient.sql.one('SELECT 1')).rejects.toMatchObject(unavailable),
      expect(impatient.transaction(({ sql }) => sql.one('SELECT 1'))).rejects.toMatchObject(unavailable),
    ]);
    expect(performance.now() - begun).toBeLessThan(60_000);
    await impatient.close();
  });

  test('then a probe does not wait, and nothing waits after stopRetrying', async () => {
    wire.cut();
    const begun = performance.now();
    await expect(database.probe.one('SELECT 1')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    const waiting = database.sql.one('SELECT 1');
    const refused = wire.refused;
    await waitFor('the statement to wait', async () => wire.refused > refused);
    database.stopRetrying();
    await expect(waiting).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    expect(performance.now() - begun).toBeLessThan(60_000);
  });
});

describe('When the connection is lost during', () => {
  let lock: { release: () => Promise<void> };
  beforeEach(async () => {
    lock = await holdLock();
  });
  afterEach(() => lock.release());

  test('a SELECT, then it runs again', async () => {
    const reading = database.sql.one('SELECT 1 AS one, pg_advisory_xact_lock(7)::text AS waited');
    await cutWhileBusy();
    wire.mend();
    await lock.release();
    expect(await reading).toEqual({ one: 1, waited: '' });
  });

  test('a transaction, then it runs again from its beginning, and its changes are made once', async () => {
    let runs = 0;
    const changing = database.transaction(async ({ sql }) => {
      runs += 1;
      await sql.none('INSERT INTO visits VALUES (1)');
      await sql.many('SELECT pg_advisory_xact_lock(7)');
    });
    await cutWhileBusy();
    wire.mend();
    await lock.release();
    await changing;
    expect(runs).toBe(2);
    expect(await countOf('visits')).toBe(1);
  });

  test('a changing statement and the server says so, then the statement runs again and its change is made once', async () => {
    const changing = database.sql.affected('INSERT INTO visits SELECT 1 FROM pg_advisory_xact_lock(7)');
    await terminateSession();
    await lock.release();
    expect(await changing).toBe(1);
    expect(await countOf('visits')).toBe(1);
  });

  test('a COMMIT and the server says so, then the transaction runs again and its changes are made once', async () => {
    let runs = 0;
    const changing = database.transaction(({ sql }) => {
      runs += 1;
      return sql.none('INSERT INTO slow_commits VALUES (1)');
    });
    await terminateSession();
    await lock.release();
    await changing;
    expect(runs).toBe(2);
    expect(await countOf('slow_commits')).toBe(1);
  });

  test('a transaction and the driver knows it before COMMIT, then the transaction runs again', async () => {
    let runs = 0;
    await database.transaction(async ({ sql }) => {
      runs += 1;
      const { pid } = await sql.one<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await sql.none('INSERT INTO visits VALUES (1)');
      if (runs === 1) {
        await observer.sql.many('SELECT pg_terminate_backend($1)', [pid]);
        await waitFor('its session to end', () => isGone(pid));
        // The driver must also receive the end of the session. A new connection over the same wire takes several round trips,
        // and they begin after the server has closed the session.
        await database.sql.one('SELECT 1 AS one');
      }
    });
    expect(runs).toBe(2);
    expect(await countOf('visits')).toBe(1);
  });

  test('a changing statement and the server reports nothing, then the statement does not run again', async () => {
    const changing = database.sql.none('INSERT INTO visits SELECT 1 FROM pg_advisory_xact_lock(7)');
    const settled = expect(changing).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await cutWhileBusy();
    wire.mend();
    await settled;
    await lock.release();
    await waitFor('the server to execute what was sent', async () => (await countOf('visits')) === 1);
  });

  test('a COMMIT and the server reports nothing, then the transaction does not run again', async () => {
    let runs = 0;
    const changing = database.transaction(({ sql }) => {
      runs += 1;
      return sql.none('INSERT INTO slow_commits VALUES (1)');
    });
    const settled = expect(changing).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
    await cutWhileBusy();
    wire.mend();
    await settled;
    await lock.release();
    expect(runs).toBe(1);
    await waitFor('the server to execute what was sent', async () => (await countOf('slow_commits')) === 1);
  });
});
