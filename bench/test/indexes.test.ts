import { findVectorIndexes, VectorIndexBuilder } from '@millrace/database';
import { waitFor } from '@millrace/test-support';
import { Client } from 'pg';
import { cleanUpAll } from '../src/cleanUp';
import { measureKind } from '../src/indexes/indexes';
import type { Dataset } from '../src/vectors/dataset';
import { buildIndex } from '../src/vectors/keptIndex';
import { makeLiveRows } from '../src/vectors/liveRows';
import { beginSmallDataset, type SmallDataset } from './smallDataset';

describe('kinds of vector index that are measured', () => {
  let small: SmallDataset;
  let dataset: Dataset;

  beforeEach(async () => {
    small = await beginSmallDataset();
    await small.loadMissing();
    dataset = await small.complete();
  });

  afterEach(() => small.cleanUp());

  it('When none is measured, then nothing is built, few queries are asked, and each finds all that is nearest', async () => {
    const insertion = { rows: await makeLiveRows(dataset, 100), seconds: 60 };
    await buildIndex(dataset, { kind: 'hnsw', parameters: {} });
    const figures = await measureKind(dataset, 'none', insertion);
    expect(figures).toMatchObject({
      bytes: 0,
      queries: 20,
      all_recall_at_10: 1,
      one_percent_recall_at_10: 1,
      one_thousandth_recall_at_10: 1,
      inserted_rows: 100,
    });
    expect(figures).not.toHaveProperty('build_seconds');
    expect(Object.keys(figures).filter((name) => name.includes('effort'))).toEqual([]);
    expect(figures.inserted_rows_per_second).toBeCloseTo(100 / (figures.inserted_seconds ?? 0));
    expect(await findVectorIndexes(dataset.database.sql)).toEqual([]);
  });

  it('When a kind is measured, then it is searched with less and with more effort as well', async () => {
    const insertion = { rows: await makeLiveRows(dataset, 100), seconds: 60 };
    const figures = await measureKind(dataset, 'hnsw', insertion);
    for (const effort of ['0_5', '2', '4']) {
      expect(figures[`all_with_effort_${effort}_p50_ms`]).toBeGreaterThan(0);
      // Even half the effort looks at 125 of 300 rows.
      expect(figures[`all_with_effort_${effort}_recall_at_10`]).toBeGreaterThan(0.98);
    }
    expect(figures.build_seconds).toBeGreaterThan(0);
  });

  it('When the benchmark is interrupted while an index is built, then the server builds it no more', async () => {
    const builder = new VectorIndexBuilder(dataset.database, { databaseUrl: dataset.databaseUrl });
    // CREATE INDEX CONCURRENTLY waits for whoever has written to the table.
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
});
