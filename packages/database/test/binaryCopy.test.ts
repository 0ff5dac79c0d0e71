import { createTestDatabase, type TestDatabase } from '@millrace/test-support';
import { Database } from '../src';
import { type CopyType, encodeCopy } from '../src/connection/binaryCopy';

describe('Binary COPY', () => {
  let testDatabase: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = new Database({ url: testDatabase.url, poolMax: 2, connectTimeoutMs: 60_000, applicationName: 'test' });
  });
  afterAll(async () => {
    await database?.close();
    await testDatabase?.drop();
  });

  /** Copies values into a temporary table with a column for each type, and reads them back as text. */
  async function roundTrip(types: CopyType[], rows: unknown[][]) {
    const columns = types.map((_, i) => `c${i}`);
    return database.transaction(async ({ sql }) => {
      await sql.none(
        `CREATE TEMPORARY TABLE copied (${columns.map((c, i) => `${c} ${types[i]}`).join(', ')}) ON COMMIT DROP`,
      );
      await sql.copyIn('COPY copied FROM STDIN (FORMAT binary)', encodeCopy(types, rows));
      const read = await sql.many<Record<string, string>>(
        `SELECT ${columns.map((c) => `${c}::text AS ${c}`).join(', ')} FROM copied`,
      );
      return read.map((row) => columns.map((column) => row[column]));
    });
  }

  test('When values of every type are copied, then they are read back unchanged', async () => {
    const id = '01980000-0000-7000-8000-0123456789ab';
    const rows = await roundTrip(
      ['uuid', 'text', 'int4', 'float4', 'bool', 'jsonb', 'vector', 'varbit'],
      [
        [
          id,
          'Zürich 東京 😀',
          -2_147_483_648,
          0.5,
          true,
          { a: [1, 'é'] },
          Float32Array.of(1, -0.25, 1e-7),
          Buffer.from('a50f', 'hex'),
        ],
      ],
    );
    expect(rows).toEqual([
      [id, 'Zürich 東京 😀', '-2147483648', '0.5', 'true', '{"a": [1, "é"]}', '[1,-0.25,1e-07]', '1010010100001111'],
    ]);
  });

  test('When values are null or undefined, then NULL is stored', async () => {
    expect(await roundTrip(['text', 'vector'], [[null, undefined]])).toEqual([[null, null]]);
  });

  test('When a value is larger than the buffer, then it is stored completely', async () => {
    const long = 'ä'.repeat(1_000_000);
    const rows = await roundTrip(
      ['text', 'int4'],
      Array.from({ length: 3 }, (_, i) => [long, i]),
    );
    expect(rows.map(([text, i]) => [text === long, i])).toEqual([
      [true, '0'],
      [true, '1'],
      [true, '2'],
    ]);
  });

  test('When there are no rows, then nothing is stored', async () => {
    expect(await roundTrip(['text'], [])).toEqual([]);
  });

  test('When the source of the rows fails half-way, then nothing is stored and the pool still works', async () => {
    function* failing(): Generator<unknown[]> {
      yield ['x'.repeat(600_000)];
      throw new Error('the source is broken');
    }
    await expect(
      database.transaction(async ({ sql }) => {
        await sql.none('CREATE TABLE half (c text)');
        await sql.copyIn('COPY half FROM STDIN (FORMAT binary)', encodeCopy(['text'], failing()));
      }),
    ).rejects.toThrow('the source is broken');
    expect(await database.sql.one(`SELECT to_regclass('half') AS made`)).toEqual({ made: null });
  });
});
