import { missingPgBouncer, PgBouncer, waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { type Database, findVectorIndexes, VectorIndexBuilder, vectorIndexKinds } from '../src';
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

/** No search runs that could still plan with the old index. */
const atOnce = { handOverMs: 0 };

/** Opens a transaction that has written to the table. Concurrent changes of indexes wait until it ends. */
async function holdBack(): Promise<{ release: () => Promise<void> }> {
  const writer = new Client({ connectionString: table.url });
  await writer.connect();
  await writer.query('BEGIN; UPDATE document_chunks SET token_count = 3 WHERE chunk_index = 0');
  return { release: () => writer.end() };
}

/** Waits until a session of this application has run a statement that begins like this for `afterMs` milliseconds. */
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

test('When the index is dropped, then a rebuild is refused with the reason', async () => {
  await builder.drop();
  expect(await findVectorIndexes(database.sql)).toEqual([]);
  await expect(builder.rebuild()).rejects.toMatchObject({
    code: 'SETUP_INVALID',
    message: expect.stringContaining('no vector index'),
  });
});

test('When an index is rebuilt, then it keeps its parameters', async () => {
  await builder.build('hnsw_binary', { m: 8, efConstruction: 32, ...atOnce });
  const rebuilt = await builder.rebuild();
  expect(rebuilt).toMatchObject({ kind: 'hnsw_binary', parameters: { m: 8, ef_construction: 32 }, valid: true });
  expect(await findVectorIndexes(database.sql)).toEqual([rebuilt]);
});

test('When a build runs, then a second one is refused; when a build breaks, then the next one removes its remains', async () => {
  const { release } = await holdBack();
  const first = builder.build('hnsw_binary', atOnce);
  const outcome = expect(first).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await waitFor('the build to have begun', async () =>
    (await findVectorIndexes(database.sql)).some((one) => !one.valid),
  );
  expect(await builder.progress()).not.toBeNull();
  await expect(builder.build('ivfflat_binary', atOnce)).rejects.toMatchObject({ code: 'SETUP_INVALID' });

  await database.sql.many(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'millrace-index'`,
  );
  await outcome;
  await release();
  expect(await kindsNow()).toContainEqual(['hnsw_binary', false]);
  expect((await table.nearest(259)).texts.at(0)).toBe('Text 259');

  const built = await builder.build('hnsw', atOnce);
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});

test('When a build is aborted, then the server ends it and the call throws the reason', async () => {
  const { release } = await holdBack();
  const interrupted = new AbortController();
  const stoppable = new VectorIndexBuilder(database, { databaseUrl: table.url }, interrupted.signal);
  const outcome = expect(stoppable.build('ivfflat_binary', atOnce)).rejects.toThrow('enough');
  await waitForStatement('CREATE INDEX');
  interrupted.abort(new Error('enough'));
  await outcome;
  expect(await builder.progress()).toBeNull();
  await release();

  await expect(stoppable.build('ivfflat_binary', atOnce)).rejects.toThrow('enough');
  expect(await kindsNow()).toContainEqual(['ivfflat_binary', false]);
});

test('When the server has a statement timeout, then it does not hold for builds and drops', async () => {
  const name = new URL(table.url).pathname.slice(1);
  await database.sql.none(`ALTER DATABASE ${name} SET statement_timeout = 100`);
  try {
    for (const [statement, work] of [
      // The remains of the test before.
      ['DROP INDEX', () => builder.build('ivfflat_binary', atOnce)],
      ['CREATE INDEX', () => builder.build('hnsw', atOnce)],
      ['REINDEX', () => builder.rebuild()],
      ['DROP INDEX', () => builder.drop()],
    ] as const) {
      const { release } = await holdBack();
      const working = work();
      await waitForStatement(statement, { afterMs: 200 });
      await release();
      await working;
    }
  } finally {
    await database.sql.none(`ALTER DATABASE ${name} RESET statement_timeout`);
  }
});

test('When the server grants less memory than ivfflat_binary needs, then it is built and rebuilt with enough', async () => {
  const kind = 'ivfflat_binary';
  const lists = 400;
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
});

test.each([
  ['a build needs less than the server grants', {}, 3 * mebibyte, 8],
  ['a build needs more', {}, 20 * mebibyte, 20],
  ['a build needs more than 4 GB', {}, 5_000 * mebibyte, 8],
  ['the caller names the memory', { memory: '9MB' }, 20 * mebibyte, 9],
])('When %s, then maintenance_work_mem is set accordingly', async (_what, resources, least, expected) => {
  await withClient({ databaseUrl: table.url }, { application_name: 'test' }, async (client) => {
    await client.query("SET maintenance_work_mem = '8MB'");
    await tuneBuild(client, resources, least);
    const { rows } = await client.query(
      "SELECT pg_size_bytes(current_setting('maintenance_work_mem'))::integer AS bytes",
    );
    expect(rows).toEqual([{ bytes: expected * mebibyte }]);
  });
});

test('When ivfflat_binary is built over a thousand rows, then it has 63 lists', async () => {
  expect(await builder.build('ivfflat_binary', atOnce)).toMatchObject({ parameters: { lists: 63 } });
});

test('When an index was made by hand, then a build replaces it whatever its name', async () => {
  await builder.drop();
  await database.sql.none(
    'CREATE INDEX "By hand; 2nd ""try""" ON document_chunks USING hnsw (embedding vector_cosine_ops)',
  );
  expect(await builder.rebuild()).toMatchObject({ name: 'By hand; 2nd "try"', valid: true });
  const built = await builder.build('hnsw', atOnce);
  expect(await findVectorIndexes(database.sql)).toEqual([built]);
});

test('When an index is being built by another session, then it is left alone and every command is refused', async () => {
  await builder.drop();
  const { release } = await holdBack();
  const other = new Client({ connectionString: table.url, application_name: 'by-hand' });
  await other.connect();
  const byHand = other.query(
    'CREATE INDEX CONCURRENTLY by_hand ON document_chunks USING hnsw (embedding vector_cosine_ops)',
  );
  await waitForStatement('CREATE INDEX', { application: 'by-hand' });
  for (const work of [() => builder.build('hnsw', atOnce), () => builder.rebuild(), () => builder.drop()]) {
    await expect(work()).rejects.toMatchObject({
      code: 'SETUP_INVALID',
      message: expect.stringContaining('Another session'),
    });
  }
  await release();
  await byHand;
  await other.end();
  expect(await kindsNow()).toEqual([['hnsw', true]]);
});

test("When the address is a pooler's, then a build is refused with the reason and leaves nothing behind", async () => {
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
