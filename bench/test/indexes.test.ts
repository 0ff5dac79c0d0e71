import { findVectorIndexes, VectorIndexBuilder } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { cleanUpAll } from '../src/cleanUp';
import { measureKind } from '../src/indexes';
import type { Dataset } from '../src/vectors/dataset';
import { makeLiveRows } from '../src/vectors/liveRows';
import { buildIndex, variantOf } from '../src/vectors/vectorIndex';
import { makeSmallDataset, type SmallDataset } from './smallDataset';

describe('measuring kinds of vector index', () => {
  let small: SmallDataset;
  let dataset: Dataset;

  beforeEach(async () => {
    small = await makeSmallDataset();
    dataset = small.dataset;
  });

  afterEach(() => small.cleanUp());

  it('When none is measured, then nothing is built, few queries are asked, and each finds all nearest rows', async () => {
    const live = await makeLiveRows(dataset, 100);
    await buildIndex(dataset, { kind: 'hnsw', parameters: {} });
    const figures = await measureKind(dataset, 'none', live, 60);
    expect(figures).toMatchObject({
      none_bytes: 0,
      none_queries: 20,
      none_all_recall_at_10: 1,
      none_one_percent_recall_at_10: 1,
      none_one_thousandth_recall_at_10: 1,
      none_inserted_rows: 100,
    });
    expect(figures).not.toHaveProperty('none_build_seconds');
    expect(Object.keys(figures).filter((name) => name.includes('effort'))).toEqual([]);
    expect(figures.none_inserted_rows_per_second).toBeCloseTo(100 / (figures.none_inserted_seconds ?? 0));
    expect(await findVectorIndexes(dataset.database.sql)).toEqual([]);
  });

  it('When a kind is measured, then it is also searched with less and with more effort', async () => {
    const live = await makeLiveRows(dataset, 100);
    const figures = await measureKind(dataset, 'hnsw', live, 60);
    for (const effort of ['0_5', '2', '4']) {
      expect(figures[`hnsw_all_with_effort_${effort}_p50_ms`]).toBeGreaterThan(0);
      // Even half the effort looks at 125 of 300 rows.
      expect(figures[`hnsw_all_with_effort_${effort}_recall_at_10`]).toBeGreaterThan(0.98);
    }
    expect(figures.hnsw_build_seconds).toBeGreaterThan(0);
  });

  it('When the benchmark is interrupted during a build, then the server stops building', async () => {
    const builder = new VectorIndexBuilder(dataset.database, { databaseUrl: dataset.databaseUrl });
    // CREATE INDEX CONCURRENTLY waits for transactions that have written to the table.
    const writer = new Client({ connectionString: dataset.databaseUrl });
    await writer.connect();
    try {
      await writer.query('BEGIN; UPDATE document_chunks SET token_count = token_count');
      const building = buildIndex(dataset, { kind: 'hnsw', parameters: {} });
      const broken = expect(building).rejects.toThrow('aborted');
      await waitFor('the build to begin', async () => (await builder.progress()) !== null);
      await cleanUpAll();
      expect(await builder.progress()).toBeNull();
      await broken;
      await writer.query('ROLLBACK');
    } finally {
      await writer.end();
    }
    expect((await buildIndex(dataset, { kind: 'hnsw', parameters: {} })).index.valid).toBe(true);
  });

  it('When hnsw_default is measured, then it has the parameters and ef_search of pgvector', async () => {
    const built = await buildIndex(dataset, variantOf('hnsw_default') ?? fail());
    expect(built.index).toMatchObject({ kind: 'hnsw', parameters: { m: 16, ef_construction: 64 } });
    const efSearch = await dataset.database.transaction(async ({ documentChunks, sql }) => {
      const [vector = new Float32Array()] = dataset.queryVectors;
      const effort = variantOf('hnsw_default')?.effort ?? 1;
      await documentChunks.search(vector, { embeddingModel: dataset.provider.model }, { limit: 10, effort });
      return sql.one(`SELECT current_setting('hnsw.ef_search') AS value`);
    });
    expect(efSearch).toEqual({ value: '40' });
  });
});

function fail(): never {
  throw new Error('There is no such variant.');
}
