import { missingPgBouncer, PgBouncer, waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { type Database, findVectorIndexes, VectorIndexBuilder, type VectorIndexKind, vectorIndexKinds } from '../src';
import { withClient } from '../src/connection/withClient';
import { tuneBuild } from '../src/vectorIndex/buildSession';
import { VectorTable } from './vectorTable';

const mebibyte = 2 ** 20;

let table: VectorTable;
let database: Database;
let builder: VectorIndexBuilder;
beforeAll(async () => {
  table = await VectorTable.make();
  database = table.database;
  builder = new VectorIndexBuilder(database, { databaseUrl: table.url });
});
afterAll(() => table.drop());

/** Nobody searches who would have to notice first. */
const atOnce = { handOverMs: 0 };

/** Holds back whatever changes the indexes concurrently, as a transaction does that has written to the table. */
async function holdBack(): Promise<{ letGo: () => Promise<void> }> {
  const writer = new Client({ connectionString: table.url });
  await writer.connect();
  await writer.query('BEGIN; UPDATE document_chunks SET token_count = 3 WHERE chunk_index = 0');
  return { letGo: () => writer.end() };
}

/** Waits for a session of that name to have been running such a statement for so long, in milliseconds. */
function waitForStatement(beginning: string, { application = 'millrace-index', afterMs = 0 } = {}): Promise<boolean> {
  return waitFor(`${beginning} to be running`, async () => {
    const rows = await database.sql.many(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1 AND state = 'active'
         AND starts_with(query, $2) AND clock_timestamp() - query_start >= $3 * interval '1 ms'`,
      [application, beginning, afterMs],
    );
    return rows.length > 0;
  });
}

const kindsNow = async () => (await findVectorIndexes(database.sql)).map(({ kind, valid }) => [kind, valid]);

test.each(vectorIndexKinds)('When %s is built, then it is the only index', async (kind) => {
  const built = await builder.build(kind, { memory: '64MB', workers: 0, ...atOnce });
  expect(built).toMatchObject({ kind, valid: true });
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});

test('When it is dropped, then there is none, and rebuilding is refused with the reason', async () => {
  await builder.drop();
  expect(await findVectorIndexes(database.sql)).toEqual([]);
  await expect(builder.rebuild()).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringContaining('no vector index'),
  });
});

test('When it is rebuilt, then it has the parameters it was built with', async () => {
  await builder.build('hnsw_halfvec', { m: 8, efConstruction: 32, ...atOnce });
  const rebuilt = await builder.rebuild();
  expect(rebuilt).toMatchObject({ kind: 'hnsw_halfvec', parameters: { m: 8, ef_construction: 32 }, valid: true });
  expect(await findVectorIndexes(database.sql)).toEqual([rebuilt]);
});

test('When a build meets another, then it is refused; and what a broken build left is cleared by the next', async () => {
  const { letGo } = await holdBack();
  const first = builder.build('hnsw_binary', atOnce);
  const outcome = expect(first).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await waitFor('the build to have begun', async () =>
    (await findVectorIndexes(database.sql)).some((one) => !one.valid),
  );
  expect(await builder.progress()).not.toBeNull();
  await expect(builder.build('ivfflat', atOnce)).rejects.toMatchObject({ code: 'SETUP_INVALID' });

  await database.sql.many(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'millrace-index'`,
  );
  await outcome;
  await letGo();
  expect(await kindsNow()).toContainEqual(['hnsw_binary', false]);
  expect((await table.nearest(259)).texts.at(0)).toBe('Text 259');

  const built = await builder.build('hnsw', atOnce);
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});

test('When a build is to be broken off, then the server ends it, and so does the call', async () => {
  const { letGo } = await holdBack();
  const interrupted = new AbortController();
  const stoppable = new VectorIndexBuilder(database, { databaseUrl: table.url }, interrupted.signal);
  const outcome = expect(stoppable.build('ivfflat', atOnce)).rejects.toThrow('enough');
  await waitForStatement('CREATE INDEX');
  interrupted.abort(new Error('enough'));
  await outcome;
  expect(await builder.progress()).toBeNull();
  await letGo();

  await expect(stoppable.build('ivfflat', atOnce)).rejects.toThrow('enough');
  expect(await kindsNow()).toContainEqual(['ivfflat', false]);
});

test('When the server limits statements, then builds and drops take as long as they need', async () => {
  const name = new URL(table.url).pathname.slice(1);
  await database.sql.none(`ALTER DATABASE ${name} SET statement_timeout = 100`);
  try {
    for (const [statement, work] of [
      // Of what the test before has left.
      ['DROP INDEX', () => builder.build('ivfflat', atOnce)],
      ['CREATE INDEX', () => builder.build('hnsw', atOnce)],
      ['REINDEX', () => builder.rebuild()],
      ['DROP INDEX', () => builder.drop()],
    ] as const) {
      const { letGo } = await holdBack();
      const working = work();
      await waitForStatement(statement, { afterMs: 200 });
      await letGo();
      await working;
    }
  } finally {
    await database.sql.none(`ALTER DATABASE ${name} RESET statement_timeout`);
  }
});

test.each<[VectorIndexKind, number]>([
  ['ivfflat', 400],
  ['ivfflat_binary', 400],
])(
  'When the server grants less memory than %s needs, then it is built and rebuilt with enough',
  async (kind, lists) => {
    const name = new URL(table.url).pathname.slice(1);
    await database.sql.none(`ALTER DATABASE ${name} SET maintenance_work_mem = '1MB'`);
    try {
      await expect(builder.build(kind, { lists, memory: '1MB', ...atOnce })).rejects.toThrow('memory required');
      expect(await builder.build(kind, { lists, ...atOnce })).toMatchObject({
        kind,
        parameters: { lists },
        valid: true,
      });
      expect(await builder.rebuild()).toMatchObject({ kind, parameters: { lists }, valid: true });
    } finally {
      await database.sql.none(`ALTER DATABASE ${name} RESET maintenance_work_mem`);
    }
  },
);

test.each([
  ['a build needs less than the server grants', {}, 3 * mebibyte, 8],
  ['a build needs more', {}, 20 * mebibyte, 20],
  ['a build needs more than 4 GB', {}, 5_000 * mebibyte, 8],
  ['it is said how much it may take', { memory: '9MB' }, 20 * mebibyte, 9],
])('When %s, then it takes what it should', async (_what, resources, least, expected) => {
  await withClient({ databaseUrl: table.url }, { application_name: 'test' }, async (client) => {
    await client.query("SET maintenance_work_mem = '8MB'");
    await tuneBuild(client, resources, least);
    const { rows } = await client.query(
      "SELECT pg_size_bytes(current_setting('maintenance_work_mem'))::integer AS bytes",
    );
    expect(rows).toEqual([{ bytes: expected * mebibyte }]);
  });
});

test.each<[VectorIndexKind, number]>([
  ['ivfflat', 1],
  ['ivfflat_binary', 63],
])('When %s is built over a thousand rows, then it has %d lists', async (kind, lists) => {
  expect(await builder.build(kind, atOnce)).toMatchObject({ parameters: { lists } });
});

test('When somebody has made an index by hand, then it is replaced whatever its name', async () => {
  await builder.drop();
  await database.sql.none(
    'CREATE INDEX "By hand; 2nd ""try""" ON document_chunks USING hnsw (embedding vector_cosine_ops)',
  );
  expect(await builder.rebuild()).toMatchObject({ name: 'By hand; 2nd "try"', valid: true });
  const built = await builder.build('hnsw', atOnce);
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});

test('When somebody is building an index by hand, then it is left alone, and what is asked for refused', async () => {
  await builder.drop();
  const { letGo } = await holdBack();
  const other = new Client({ connectionString: table.url, application_name: 'by-hand' });
  await other.connect();
  const byHand = other.query(
    'CREATE INDEX CONCURRENTLY by_hand ON document_chunks USING ivfflat (embedding vector_cosine_ops)',
  );
  await waitForStatement('CREATE INDEX', { application: 'by-hand' });
  for (const work of [() => builder.build('hnsw', atOnce), () => builder.rebuild(), () => builder.drop()]) {
    await expect(work()).rejects.toMatchObject({ code: 'SETUP_INVALID', message: expect.stringContaining('by hand') });
  }
  await letGo();
  await byHand;
  await other.end();
  expect(await kindsNow()).toEqual([['ivfflat', true]]);
});

test('When the address is that of a pooler, then a build is refused with the reason and leaves nothing behind', async () => {
  expect(missingPgBouncer()).toBe('');
  const pooler = await PgBouncer.before(table.url, { sessions: 3 });
  try {
    const before = await findVectorIndexes(database.sql);
    const pooled = new VectorIndexBuilder(database, { databaseUrl: pooler.through(table.url) });
    for (const work of [() => pooled.build('hnsw', atOnce), () => pooled.rebuild(), () => pooled.drop()]) {
      await expect(work()).rejects.toMatchObject({
        code: 'SETUP_INVALID',
        message: expect.stringContaining('DATABASE_MIGRATION_URL'),
      });
    }
    expect(await findVectorIndexes(database.sql)).toEqual(before);
    expect(
      await database.sql.many(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND database =
      (SELECT oid FROM pg_database WHERE datname = current_database())`),
    ).toEqual([]);
  } finally {
    await pooler.stop();
  }
});
