import { Database, migrate, migrationNames } from '@millrace/database';
import {
  createTestDatabase,
  missingPgBouncer,
  PgBouncer,
  plainModel,
  type TestDatabase,
  testServers,
  textPdf,
  waitFor,
} from '@millrace/test-support';
import { type Backing, missingPrograms, startBacking } from '../chaos/src/backing';
import { TestStack } from './support';

const missing = missingPgBouncer();
if (missing) {
  console.warn(`The tests through PgBouncer are skipped: ${missing}`);
}
const describeWithPooler = missing ? describe.skip : describe;

function open(url: string, more: { maxOutageMs?: number; statementTimeoutMs?: number } = {}): Database {
  return new Database({ url, poolMax: 10, connectTimeoutMs: 60_000, applicationName: 'pooled', ...more });
}

const pidOf = (database: Database) => database.sql.one<{ pid: number }>('SELECT pg_backend_pid() AS pid');

describeWithPooler('Through PgBouncer in transaction mode', () => {
  let pooler: PgBouncer;
  beforeAll(async () => {
    pooler = await PgBouncer.before(testServers().databaseUrl, { sessions: 3 });
  });
  afterAll(() => pooler.stop());

  async function withDatabases(work: (url: string, direct: Database) => Promise<void>): Promise<void> {
    const testDatabase: TestDatabase = await createTestDatabase({ empty: true });
    const direct = open(testDatabase.url);
    try {
      await work(pooler.through(testDatabase.url), direct);
    } finally {
      await direct.close();
      await testDatabase.drop();
    }
  }

  test('When two migration programs run at once, then one migrates, the other waits, and no session keeps a setting', () =>
    withDatabases(async (databaseUrl, direct) => {
      const options = { databaseUrl, embedding: plainModel('test', 32) };
      const runs = await Promise.all([1, 2].map(() => migrate({ ...options, direction: 'up' })));
      expect(runs.map((names) => names.length).sort()).toEqual([0, migrationNames().length].sort());
      expect(await direct.sql.one('SELECT model FROM embedding_settings')).toEqual({ model: 'test' });
      expect(
        await direct.sql.many(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())`),
      ).toEqual([]);
      const pooled = open(databaseUrl);
      const setting = `coalesce(current_setting('millrace.embedding_model', true), '') AS model`;
      const kept = await Promise.all(
        Array.from({ length: 9 }, () => pooled.sql.one(`SELECT ${setting}, pg_sleep(0.05)::text`)),
      );
      expect(kept).toEqual(Array(9).fill({ model: '', pg_sleep: '' }));
      await pooled.close();
      expect(await migrate({ ...options, direction: 'down', count: migrationNames().length })).toHaveLength(
        migrationNames().length,
      );
    }));

  test('When fifty statements arrive at once, then three sessions answer them all', () =>
    withDatabases(async (url) => {
      const database = open(url);
      const pids = await Promise.all(Array.from({ length: 50 }, () => pidOf(database)));
      expect(new Set(pids.map(({ pid }) => pid)).size).toBeLessThanOrEqual(3);
      await database.close();
    }));

  test('When a statement takes too long, then it is ended, and other clients of the session keep their own limit', () =>
    withDatabases(async (url) => {
      const hasty = open(url, { statementTimeoutMs: 200 });
      const patient = open(url, { statementTimeoutMs: 60_000 });
      await Promise.all(
        Array.from({ length: 5 }, () => [
          expect(hasty.sql.many('SELECT pg_sleep(2)')).rejects.toMatchObject({ code: 'DATABASE_TIMEOUT' }),
          expect(patient.sql.many('SELECT pg_sleep(0.4)')).resolves.toHaveLength(1),
        ]).flat(),
      );
      await Promise.all([hasty.close(), patient.close()]);
    }));

  test('When two processes want the same lock, then one gets it, and a frozen holder loses it', () =>
    withDatabases(async (url) => {
      const [one, other] = [open(url), open(url)];
      let thaw: () => void = () => undefined;
      let begun = false;
      const frozen = new Promise<void>((resolve) => {
        thaw = resolve;
      });
      const holding = one.tryWithLock(1, 1_000, () => {
        begun = true;
        return frozen;
      });
      await waitFor('the first to begin', async () => begun);
      expect(await other.tryWithLock(1, 1_000, async () => undefined)).toBe(false);
      await waitFor('the lock to be free', () => other.tryWithLock(1, 1_000, async () => undefined));
      thaw();
      await expect(holding).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
      await Promise.all([one.close(), other.close()]);
    }));

  test('When documents are uploaded, then they are read, embedded, stored and found over shared sessions', async () => {
    const testDatabase = await createTestDatabase({ empty: true });
    const millrace = await TestStack.start({ DATABASE_URL: pooler.through(testDatabase.url), DATABASE_POOL_MAX: '5' });
    try {
      const letters = await Promise.all(
        ['tea', 'coffee', 'water'].map(async (drink) =>
          millrace.ingest(await textPdf([`This letter is about ${drink}.`, `The second page says more of ${drink}.`])),
        ),
      );
      expect(letters.map(({ document }) => document.status)).toEqual(['ready', 'ready', 'ready']);
      const [hit] = await millrace.search('a letter about coffee');
      expect(hit?.document_id).toBe(letters[1]?.document.id);
      await waitFor('a sweep of the reconciler', async () => {
        const reconciler = millrace.stack.processes.find(({ name }) => name === 'reconciler');
        const metrics = await (await fetch(`${reconciler?.url}/metrics`)).text();
        return /turns\w*\{[^}]*outcome="swept"[^}]*\} [1-9]/.test(metrics);
      });
    } finally {
      await millrace.stop();
      await testDatabase.drop();
    }
  });
});

const missingServers = missing || missingPrograms();
(missingServers ? describe.skip : describe)('When the PostgreSQL behind PgBouncer is restarted', () => {
  let backing: Backing;
  let pooler: PgBouncer;
  let database: Database;
  beforeAll(async () => {
    backing = await startBacking();
    const url = await backing.servers.createDatabase('pooled');
    pooler = await PgBouncer.before(url, { sessions: 3 });
    database = open(pooler.through(url), { maxOutageMs: 60_000 });
    await database.sql.none('CREATE TABLE visits (id integer PRIMARY KEY)');
  });
  afterAll(async () => {
    await database?.close();
    await pooler?.stop();
    await backing?.stop();
  });

  test('then statements and transactions wait for it, and each runs once', async () => {
    const stopping = new AbortController();
    let done = 0;
    const load = Array.from({ length: 5 }, async () => {
      while (!stopping.signal.aborted) {
        const id = ++done;
        await database.transaction(({ sql }) => sql.none('INSERT INTO visits VALUES ($1)', [id]));
        await database.sql.one('SELECT count(*) FROM visits');
      }
    });
    for (let round = 0; round < 2; round += 1) {
      const before = done;
      await waitFor('some work', async () => done > before + 50);
      await backing.servers.stopPostgres();
      await backing.servers.restartPostgres();
    }
    const before = done;
    await waitFor('more work', async () => done > before + 50);
    stopping.abort();
    await Promise.all(load);
    expect(await database.sql.one('SELECT count(*)::integer FROM visits')).toEqual({ count: done });
  });
});
