import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Client } from 'pg';
import { buildMemory, listsFor } from '../src/vectorIndex/ivfflat';

test.each([
  [0, 1],
  [100_000, 632],
  [1_000_000, 2_000],
  [4_000_000, 2_000],
  [9_000_000, 3_000],
  [10_000_000_000, 32_768],
])('When an IVFFlat index is over %d rows, then it has %d lists', (rows, lists) => {
  expect(listsFor(rows)).toBe(lists);
});

test('When the index is a graph, then its build needs no minimum of memory', () => {
  expect(buildMemory({ kind: 'hnsw', parameters: { m: 12 } }, 768)).toBe(0);
});

describe('The memory that pgvector requires', () => {
  // pgvector samples at least this many rows.
  const rows = 10_000;
  let testDatabase: TestDatabase;
  let client: Client;
  beforeAll(async () => {
    testDatabase = await createTestDatabase({ empty: true });
    client = new Client({ connectionString: testDatabase.url });
    await client.connect();
    await client.query('CREATE EXTENSION vector');
    await client.query(
      `CREATE TABLE vectors AS SELECT v, binary_quantize(v)::bit(64) AS b FROM generate_series(1, ${rows}) AS i,
         LATERAL (SELECT ARRAY(SELECT sin(i * d) FROM generate_series(1, 64) AS d)::vector(64) AS v) AS made`,
    );
  });
  afterAll(async () => {
    await client?.end();
    await testDatabase?.drop();
  });

  test.each([50, 200])(
    'When an index of %d lists is built, then the granted memory is enough, and half of it is not',
    async (lists) => {
      const bytes = buildMemory({ kind: 'ivfflat_binary', parameters: { lists } }, 64);
      const build = async (share: number) => {
        await client.query(`SET maintenance_work_mem = '${Math.ceil((share * bytes) / 1024)}kB'`);
        await client.query(`CREATE INDEX ON vectors USING ivfflat (b bit_hamming_ops) WITH (lists = ${lists})`);
      };
      await build(1);
      await expect(build(0.5)).rejects.toThrow('memory required');
    },
  );
});
