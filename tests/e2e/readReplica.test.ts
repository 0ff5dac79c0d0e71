import { setTimeout as pause } from 'node:timers/promises';
import type { SearchResponse } from '@millrace/contracts';
import { Database } from '@millrace/database';
import { ask, freePort, ReplicaServer, textPdf, waitFor } from '@millrace/test-support';
import { type Backing, missingPrograms, startBacking } from '../chaos/src/backing';
import { TestStack } from './support';

const missing = missingPrograms();
if (missing) {
  console.warn(`The tests of a read replica are skipped: ${missing}`);
}
const describeWithServers = missing ? describe.skip : describe;

const maxLagMs = 1_000;

describeWithServers('A streaming replica', () => {
  let backing: Backing;
  let primaryUrl: string;
  let replica: ReplicaServer;
  let database: Database;
  beforeAll(async () => {
    backing = await startBacking();
    primaryUrl = await backing.servers.createDatabase('replicated');
    replica = await ReplicaServer.of(primaryUrl, await freePort());
    database = open(replica.url);
    await database.sql.none('CREATE TABLE visits (id integer)');
  });
  afterAll(async () => {
    await database?.close();
    await replica?.remove();
    await backing?.stop();
  });

  function open(readUrl: string): Database {
    const options = { poolMax: 5, connectTimeoutMs: 60_000, applicationName: 'reader' };
    return new Database({ url: primaryUrl, readUrl, readMaxLagMs: maxLagMs, ...options });
  }

  /** Returns whether the replica answers a read now. */
  const readsReplica = async (from = database) =>
    (await from.read(({ sql }) => sql.one<{ replica: boolean }>('SELECT pg_is_in_recovery() AS replica'))).replica;

  const visitsSeen = async () =>
    (await database.read(({ sql }) => sql.one<{ n: number }>('SELECT count(*)::integer AS n FROM visits'))).n;

  test('When the primary is idle, then the replica stays fresh and is read, and everything else stays on the primary', async () => {
    await waitFor('the replica to be read', () => readsReplica());
    // Nothing is written for much longer than the allowed lag. The replica must be read at the end as well.
    const idleSince = performance.now();
    await waitFor(
      'the replica to be read after three times the lag',
      async () => (await readsReplica()) && performance.now() > idleSince + 3 * maxLagMs,
    );
    const place = 'SELECT pg_is_in_recovery() AS replica';
    expect(await database.sql.one(place)).toEqual({ replica: false });
    expect(await database.transaction(({ sql }) => sql.one(place))).toEqual({ replica: false });
    expect(Object.keys(database.counts())).toEqual(['primary', 'read']);
  });

  test('When the replica stops replaying, then no read is older than the bound, and the replica is read again when it continues', async () => {
    await waitFor('the replica to be read', () => readsReplica());
    await ask(replica.url, 'SELECT pg_wal_replay_pause()');
    try {
      const before = await visitsSeen();
      await database.sql.none('INSERT INTO visits VALUES (1)');
      const written = performance.now();
      for (let seen = before; performance.now() < written + 3 * maxLagMs; ) {
        const asked = performance.now();
        seen = await visitsSeen();
        if (asked - written > maxLagMs) {
          expect(seen).toBe(before + 1);
        }
        await pause(20);
      }
      expect(await readsReplica()).toBe(false);
    } finally {
      await ask(replica.url, 'SELECT pg_wal_replay_resume()');
    }
    await waitFor('the replica to be read', () => readsReplica());
  });

  test('When the replica stops in the middle of reads, then the primary answers them', async () => {
    await waitFor('the replica to be read', () => readsReplica());
    const reads = Array.from({ length: 5 }, () =>
      database.read(({ sql }) => sql.one('SELECT 1 AS one FROM pg_sleep(0.3)')),
    );
    await replica.stop();
    try {
      expect(await Promise.all(reads)).toEqual(Array(5).fill({ one: 1 }));
      for (let n = 0; n < 20; n += 1) {
        expect(await readsReplica()).toBe(false);
      }
    } finally {
      await replica.start();
    }
    await waitFor('the replica to be read', () => readsReplica());
  });

  /** Opens a database with this read URL, and expects that the URL is checked twice but never read. */
  async function expectUnread(readUrl: string): Promise<void> {
    const mistaken = open(readUrl);
    try {
      // A check returns its connection when it has ended. The second check comes within the allowed lag.
      const checked = async () => mistaken.counts().read?.idle === 1;
      await waitFor('the first check', checked);
      const firstCheck = performance.now();
      await waitFor('further checks', async () => (await checked()) && performance.now() > firstCheck + maxLagMs);
      const { port, pathname } = new URL(primaryUrl);
      const place = 'SELECT inet_server_port()::text AS port, current_database() AS database';
      expect(await mistaken.read(({ sql }) => sql.one(place))).toEqual({ port, database: pathname.slice(1) });
    } finally {
      await mistaken.close();
    }
  }

  test('When the read URL names another database of either server, then the primary is read', async () => {
    for (const url of [primaryUrl, replica.url]) {
      await expectUnread(Object.assign(new URL(url), { pathname: '/postgres' }).toString());
    }
  });

  test('When the API has a replica, then it searches there, and an upload is seen at once', async () => {
    const millrace = await TestStack.start({
      DATABASE_URL: primaryUrl,
      DATABASE_READ_URL: replica.url,
      DATABASE_READ_MAX_LAG_MS: String(maxLagMs),
      REDIS_URL: backing.servers.redisUrl,
    });
    try {
      const { document } = await millrace.ingest(await textPdf(['A letter about tea.', 'It goes on about tea.']));
      expect(document.status).toBe('ready');
      const scans = `SELECT sum(seq_scan + idx_scan)::integer AS count FROM pg_stat_user_tables WHERE relname = 'document_chunks'`;
      const scansOf = async () => (await ask<{ count: number }>(replica.url, scans)).count;
      const before = await scansOf();
      await waitFor('the replica to be read', async () => {
        const search = await millrace.call<SearchResponse>('POST', '/api/v1/search', { query: 'tea' });
        expect(search.status).toBe(200);
        return search.body.hits.length > 0 && (await scansOf()) > before;
      });
      await ask(replica.url, 'SELECT pg_wal_replay_pause()');
      const { body } = await millrace.upload(await textPdf(['A letter about coffee.']));
      expect((await millrace.document(body.document.id)).id).toBe(body.document.id);
      expect((await millrace.endOf(body.job.id)).status).toBe('completed');
    } finally {
      await ask(replica.url, 'SELECT pg_wal_replay_resume()');
      await millrace.stop();
    }
  });

  test('When a replica has been promoted, then neither it nor its replica is read, however far their logs are', async () => {
    const promoted = await ReplicaServer.of(primaryUrl, await freePort());
    try {
      await ask(promoted.url, 'SELECT pg_promote()');
      // This moves its log far beyond the primary's.
      await ask(promoted.url, 'CREATE TABLE elsewhere AS SELECT generate_series(1, 300000) AS id');
      await expectUnread(promoted.url);
      const follower = await ReplicaServer.of(promoted.url, await freePort());
      try {
        await expectUnread(follower.url);
      } finally {
        await follower.remove();
      }
    } finally {
      await promoted.remove();
    }
  });
});
