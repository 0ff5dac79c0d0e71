import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Client } from 'pg';
import { listsFor } from '../src/vectorIndex/ivfflatLists';
import { ivfflatMemory } from '../src/vectorIndex/ivfflatMemory';

test.each<['ivfflat' | 'ivfflat_binary', number, number]>([
  ['ivfflat', 0, 1],
  ['ivfflat', 100_000, 100],
  ['ivfflat', 1_000_000, 1_000],
  ['ivfflat', 4_000_000, 2_000],
  ['ivfflat_binary', 0, 1],
  ['ivfflat_binary', 100_000, 632],
  ['ivfflat_binary', 1_000_000, 2_000],
  ['ivfflat_binary', 4_000_000, 2_000],
  ['ivfflat_binary', 9_000_000, 3_000],
  ['ivfflat_binary', 10_000_000_000, 32_768],
])('When %s is for %d rows, then it has %d lists', (kind, rows, lists) => {
  expect(listsFor(kind, rows)).toBe(lists);
});

test('When an index is a graph, then it needs no memory to be built', () => {
  expect(ivfflatMemory({ kind: 'hnsw', parameters: { m: 12 } }, 768)).toBe(0);
});

describe('What pgvector asks for', () => {
  // As many rows as its sample has at least.
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
    await client.end();
    await testDatabase.drop();
  });

  test.each([
    ['ivfflat', 'v vector_cosine_ops', 50],
    ['ivfflat', 'v vector_cosine_ops', 200],
    ['ivfflat_binary', 'b bit_hamming_ops', 50],
    ['ivfflat_binary', 'b bit_hamming_ops', 200],
  ] as const)(
    'When %s is built on %s with %d lists, then what is granted is enough, and half of it is not',
    async (kind, column, lists) => {
      const bytes = ivfflatMemory({ kind, parameters: { lists } }, 64);
      const build = async (share: number) => {
        await client.query(`SET maintenance_work_mem = '${Math.ceil((share * bytes) / 1024)}kB'`);
        await client.query(`CREATE INDEX ON vectors USING ivfflat (${column}) WITH (lists = ${lists})`);
      };
      await build(1);
      await expect(build(0.5)).rejects.toThrow('memory required');
    },
  );
});
