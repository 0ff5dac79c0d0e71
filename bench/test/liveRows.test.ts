import { Client } from 'pg';
import { recordSearches } from '../src/search/recordSearches';
import type { Dataset } from '../src/vectors/dataset';
import { collectionFilters, metadataFilters } from '../src/vectors/filters';
import { insertLive, makeLiveRows, removeLiveRows, truthWithLive } from '../src/vectors/liveRows';
import { measureSearch } from '../src/vectors/measureSearch';
import { dropIndexes, keepIndex, type WantedIndex } from '../src/vectors/vectorIndex';
import { makeSmallDataset, type SmallDataset } from './smallDataset';

const hnsw: WantedIndex = { kind: 'hnsw', parameters: { m: 8 } };

describe('measuring a data set', () => {
  let small: SmallDataset;
  let dataset: Dataset;

  beforeEach(async () => {
    small = await makeSmallDataset();
    dataset = small.dataset;
  });

  afterEach(() => small.cleanUp());

  async function countRows(): Promise<{ chunks: number; documents: number }> {
    return dataset.database.sql.one(
      'SELECT (SELECT count(*)::integer FROM document_chunks) AS chunks, (SELECT count(*)::integer FROM documents) AS documents',
    );
  }

  it('When rows have been inserted, then an exact search finds the rows of the new truth', async () => {
    await dropIndexes(dataset);
    const { inserted } = await insertLive(dataset, await makeLiveRows(dataset, 100), 60);
    expect(inserted).toHaveLength(100);
    const truth = await truthWithLive(dataset);
    expect(truth.all).not.toEqual(dataset.truth.all);
    for (const { scope, filter } of collectionFilters) {
      for (const [query, vector] of dataset.queryVectors.entries()) {
        const found = await dataset.database.read(({ documentChunks }) =>
          documentChunks.search(vector, { embeddingModel: dataset.provider.model, ...filter }, { limit: 20 }),
        );
        const nearest = truth[scope][query] ?? [];
        expect(found).toHaveLength(nearest.length);
        for (const [n, similarity] of nearest.entries()) {
          expect(found[n]?.score).toBeCloseTo(similarity, 5);
        }
      }
      expect((await measureSearch(dataset, { scope, filter }, truth)).recall).toBe(1);
    }
  });

  it('When inserted rows are removed, then the set is as it was, and the index is built anew', async () => {
    const before = await countRows();
    const oid = async () =>
      dataset.database.sql.one(`SELECT oid::integer FROM pg_class WHERE relname = 'document_chunks_embedding'`);
    await keepIndex(dataset, hnsw);
    const first = await oid();
    await keepIndex(dataset, hnsw);
    expect(await oid()).toEqual(first);
    await insertLive(dataset, await makeLiveRows(dataset, 30), 60);
    await keepIndex(dataset, hnsw);
    expect(await countRows()).toEqual(before);
    expect(await oid()).not.toEqual(first);
    expect(await removeLiveRows(dataset)).toBe(0);
  });

  it('When an index of other parameters or another kind is wanted, then it replaces the existing one', async () => {
    const first = await keepIndex(dataset, hnsw);
    expect(first.parameters).toMatchObject({ m: 8 });
    const second = await keepIndex(dataset, { kind: 'hnsw', parameters: { m: 16 } });
    expect(second).toMatchObject({ kind: 'hnsw', parameters: { m: 16 } });
    expect(await keepIndex(dataset, { kind: 'hnsw_binary', parameters: {} })).toMatchObject({ kind: 'hnsw_binary' });
  });

  it('When another client sends recorded searches, then it finds what the product finds', async () => {
    await keepIndex(dataset, hnsw);
    const { database, provider, queryVectors } = dataset;
    const vectors = queryVectors.slice(0, 5);
    const client = new Client({ connectionString: dataset.databaseUrl });
    await client.connect();
    try {
      for (const filter of [...collectionFilters, ...metadataFilters]) {
        const statements = await recordSearches(dataset, vectors, filter, { limit: 10, effort: 1, seconds: 60 });
        expect(statements).toHaveLength(vectors.length);
        expect(statements.flat().filter((statement) => statement.includes('EXPLAIN'))).toEqual([]);
        for (const [n, vector] of vectors.entries()) {
          const last = statements[n]?.at(-1) ?? '';
          const results = [await client.query<{ chunkId: string }>(last)].flat();
          const found = results.at(-1)?.rows.map((row) => row.chunkId) ?? [];
          const wanted = await database.read(({ documentChunks }) =>
            documentChunks.search(vector, { embeddingModel: provider.model, ...filter.filter }, { limit: 10 }),
          );
          expect(found).toEqual(wanted.map((row) => row.chunkId));
          expect(found.length).toBeGreaterThan(0);
        }
      }
    } finally {
      await client.end();
    }
  });
});
