import { newId } from '@millrace/contracts';
import { waitFor } from '@millrace/test-support';
import { findVectorIndexes, VectorIndexBuilder, type VectorIndexKind, vectorIndexKinds } from '../src';
import { expectedRows, type SearchFilter } from '../src/vectorIndex/filter';
import { model, VectorTable } from './vectorTable';

const queries = [3, 141, 259, 365, 535];

/** Makes the planner believe that the table is so large that a filter leaves too many rows to compare them all. */
const asLarge = "UPDATE pg_class SET reltuples = 1e9 WHERE oid = 'document_chunks'::regclass; ";

let table: VectorTable;
let builder: VectorIndexBuilder;
beforeAll(async () => {
  table = await VectorTable.make();
  builder = new VectorIndexBuilder(table.database, { databaseUrl: table.url });
});
afterAll(() => table.drop());

describe.each(vectorIndexKinds)('With the index %s', (kind: VectorIndexKind) => {
  let index: string;
  beforeAll(async () => {
    ({ name: index } = await builder.build(kind, { lists: 30, workers: 0, handOverMs: 0 }));
  });

  test('When a search runs, then it uses the index and finds the nearest rows', async () => {
    let found = 0;
    for (const i of queries) {
      const { texts, scans } = await table.nearest(i);
      expect(scans).toEqual({ [index]: 1 });
      expect(texts.at(0)).toBe(`Text ${i}`);
      const right = table.exactly(i);
      found += texts.filter((text) => right.includes(text)).length;
    }
    expect(found).toBeGreaterThanOrEqual(queries.length * 10 * 0.9);
  });

  test('When the filtered rows are far from the query, then the index scan alone finds enough of them', async () => {
    // Enough rows to fill the 400 candidates of an index over bits.
    const part = kind.endsWith('_binary') ? table.many : table.few;
    // A server may be configured like this.
    const prepare = `${asLarge}SET LOCAL hnsw.max_scan_tuples = 1`;
    let found = 0;
    for (const i of queries) {
      const { texts, scans } = await table.nearest(i, { collectionIds: [part.collectionId], prepare });
      expect(scans).toEqual({ [index]: 1 });
      expect(texts).toHaveLength(10);
      const right = table.exactly(i, { parts: [part] });
      found += texts.filter((text) => right.includes(text)).length;
    }
    expect(found).toBeGreaterThanOrEqual(queries.length * 10 * 0.7);
  });

  const givesUp = async () => {
    // The memory of a scan over some hundred rows.
    const prepare = `${asLarge}SET LOCAL work_mem = '64kB'`;
    const { collectionId, documentId, name } = table.few;
    for (const filter of [{ collectionIds: [collectionId] }, { documentId }, { metadata: { name } }]) {
      for (const i of queries) {
        const { texts } = await table.nearest(i, { ...filter, prepare });
        expect(texts).toEqual(table.exactly(i, { parts: [table.few] }));
      }
    }
  };
  // A scan of lists does not give up. It ends with the last list.
  if (kind.startsWith('hnsw')) {
    test('When the index scan gives up before it has found enough, then all filtered rows are compared', givesUp);
  }

  test('When a filter leaves few rows, then all of them are compared', async () => {
    await table.analyze();
    // For metadata the planner expects a third of the rows, because it is one document of three.
    const { collectionId, documentId } = table.few;
    for (const filter of [{ collectionIds: [collectionId] }, { documentId }]) {
      for (const i of queries) {
        const { texts, scans } = await table.nearest(i, filter);
        expect(texts).toEqual(table.exactly(i, { parts: [table.few] }));
        expect(scans).not.toHaveProperty(index);
      }
    }
  });

  test.each([asLarge, ''])(
    'When a filter leaves fewer rows than the limit, then all of them are found (%j)',
    async (prepare) => {
      await table.analyze();
      const { collectionId } = table.few;
      expect((await table.nearest(3, { collectionIds: [collectionId], limit: 100, prepare })).texts).toHaveLength(20);
      expect((await table.nearest(3, { collectionIds: [newId()], prepare })).texts).toEqual([]);
    },
  );

  test('When a search without a filter finds fewer rows than its limit, then the rest of the table is not read', async () => {
    const { texts, scans } = await table.nearest(3, { limit: 2_000 });
    expect(texts.length).toBeGreaterThan(900);
    expect(scans).toEqual({ [index]: 1 });
  });
});

test.each<[VectorIndexKind, object]>([
  ['hnsw', { efSearch: '500', probes: '1' }],
  ['hnsw_binary', { efSearch: '800', probes: '1' }],
  ['ivfflat_binary', { efSearch: '40', probes: '16' }],
])('When the effort is doubled, then a search looks at twice as much of the index %s', async (kind, expected) => {
  await builder.build(kind, { lists: 16, workers: 0, handOverMs: 0 });
  const settings = await table.database.transaction(async (session) => {
    await session.documentChunks.search(table.vectorOf(3), { embeddingModel: model }, { limit: 10, effort: 2 });
    return session.sql.one(
      `SELECT current_setting('hnsw.ef_search') AS "efSearch", current_setting('ivfflat.probes') AS probes`,
    );
  });
  expect(settings).toEqual(expected);
});

test('When the planner may choose among several indexes, then the settings fit each of them', async () => {
  await builder.build('hnsw_binary', { handOverMs: 0 });
  for (const [name, lists] of Object.entries({ many_lists: 200, few_lists: 2 })) {
    await table.database.sql.none(
      `CREATE INDEX ${name} ON document_chunks
         USING ivfflat ((signature_a::bit(${2 * table.vectorOf(0).length})) bit_hamming_ops) WITH (lists = ${lists})`,
    );
  }
  const settings = await table.database.transaction(async (session) => {
    await session.documentChunks.search(table.vectorOf(3), { embeddingModel: model }, { limit: 10 });
    return session.sql.one(
      `SELECT current_setting('hnsw.iterative_scan') AS graph, current_setting('ivfflat.iterative_scan') AS lists,
              current_setting('ivfflat.probes') AS probes`,
    );
  });
  expect(settings).toEqual({ graph: 'relaxed_order', lists: 'relaxed_order', probes: '29' });
});

test('When one index replaces another, then searches use the new one while both exist', async () => {
  await builder.build('hnsw', { workers: 0, handOverMs: 0 });
  const replacing = builder.build('hnsw_binary', { workers: 0, handOverMs: 3_000 });
  const [, next] = await waitFor('the new index to be usable', async () => {
    const indexes = await findVectorIndexes(table.database.sql);
    return indexes.length === 2 && indexes.every(({ valid }) => valid) && indexes;
  });
  table.database.vectorIndexes.forget();
  expect((await table.nearest(259)).scans).toEqual({ [next?.name ?? '']: 1 });
  await replacing;
  expect((await table.nearest(259)).scans).toEqual({ [next?.name ?? '']: 1 });
});

test('When there is no index, then every vector is compared', async () => {
  await builder.drop();
  expect((await table.nearest(259)).texts).toEqual(table.exactly(259));
});

test('When the planner estimates how many rows a filter leaves, then the estimate fits each filter', async () => {
  await table.analyze();
  const expected = (filter: Partial<SearchFilter>) =>
    table.database.transaction(({ sql }) => expectedRows(sql, { embeddingModel: model, ...filter }));
  const about = (rows: number) => ({ asymmetricMatch: (actual: number) => Math.abs(actual - rows) <= rows * 0.1 + 1 });
  for (const { collectionId, documentId, rows } of [table.near, table.few, table.many]) {
    expect(await expected({ collectionIds: [collectionId] })).toEqual(about(rows));
    expect(await expected({ documentId })).toEqual(about(rows));
    expect(await expected({ collectionIds: [collectionId], documentId })).toEqual(about(rows));
  }
  expect(await expected({ embeddingModel: 'another' })).toBeLessThan(10);
});
