import { Client } from 'pg';
import { recordSearches } from '../src/search/recordSearches';
import type { Dataset } from '../src/vectors/dataset';
import type { WantedIndex } from '../src/vectors/defaultIndex';
import { collectionFilters, metadataFilters } from '../src/vectors/filters';
import { dropIndexes, keepIndex, removeRows } from '../src/vectors/keptIndex';
import { insertLive, makeLiveRows, truthWith } from '../src/vectors/liveRows';
import { measureSearch } from '../src/vectors/measureSearch';
import { beginSmallDataset, type SmallDataset } from './smallDataset';

const quietly = () => undefined;
const hnsw: WantedIndex = { kind: 'hnsw', parameters: { m: 8 } };

describe('a data set that is measured', () => {
  let small: SmallDataset;
  let dataset: Dataset;

  beforeEach(async () => {
    small = await beginSmallDataset();
    await small.loadMissing();
    dataset = await small.complete();
  });

  afterEach(() => small.cleanUp());

  async function countRows(): Promise<{ chunks: number; documents: number }> {
    return dataset.database.sql.one(
      'SELECT (SELECT count(*)::integer FROM document_chunks) AS chunks, (SELECT count(*)::integer FROM documents) AS documents',
    );
  }

  it('When rows have been inserted, then an exact search finds what the truth with them says', async () => {
    await dropIndexes(dataset);
    const { inserted } = await insertLive(dataset, await makeLiveRows(dataset, 100), 60);
    expect(inserted).toHaveLength(100);
    const truth = truthWith(dataset, inserted);
    expect(truth.all.flat().filter(({ row }) => row >= 300).length).toBeGreaterThan(0);
    for (const { scope, filter } of collectionFilters) {
      for (const [query, vector] of dataset.queryVectors.entries()) {
        const found = await dataset.database.read(({ documentChunks }) =>
          documentChunks.search(vector, { embeddingModel: dataset.provider.model, ...filter }, { limit: 20 }),
        );
        const nearest = truth[scope][query] ?? [];
        expect(found).toHaveLength(nearest.length);
        for (const [n, { similarity }] of nearest.entries()) {
          expect(found[n]?.score).toBeCloseTo(similarity, 5);
        }
      }
      expect((await measureSearch(dataset, { scope, filter }, truth)).recall).toBe(1);
    }
  });

  it('When inserted rows are removed, then the set is as it was, and the index is kept until a tenth of it is dead', async () => {
    const before = await countRows();
    const { index } = await keepIndex(dataset, hnsw, quietly);
    const rows = await makeLiveRows(dataset, 30);
    await insertLive(dataset, rows.slice(0, 20), 60);
    expect(await keepIndex(dataset, hnsw, quietly)).toMatchObject({ index: { name: index.name }, dead: 20 });
    expect(await countRows()).toEqual(before);

    await insertLive(dataset, rows, 60);
    await removeRows(dataset);
    expect(await countRows()).toEqual(before);
    const anew = await keepIndex(dataset, hnsw, quietly);
    expect(anew.dead).toBe(0);
    expect(anew.index.name).not.toBe(index.name);
  });

  it('When another index is asked for, of other parameters or another kind, then it takes the place of the one there is', async () => {
    const first = await keepIndex(dataset, hnsw, quietly);
    expect(first.index.parameters).toMatchObject({ m: 8 });
    const second = await keepIndex(dataset, { kind: 'hnsw', parameters: { m: 16 } }, quietly);
    expect(second.index).toMatchObject({ kind: 'hnsw', parameters: { m: 16 } });
    expect(await keepIndex(dataset, { kind: 'hnsw_binary', parameters: {} }, quietly)).toMatchObject({
      index: { kind: 'hnsw_binary' },
      dead: 0,
    });
  });

  it('When recorded searches are sent by another client, then it finds what the product finds', async () => {
    await keepIndex(dataset, hnsw, quietly);
    const { database, provider, queryVectors } = dataset;
    const vectors = queryVectors.slice(0, 5);
    const client = new Client({ connectionString: dataset.databaseUrl });
    await client.connect();
    try {
      for (const filter of [...collectionFilters, ...metadataFilters]) {
        const statements = await recordSearches(dataset, vectors, filter, { limit: 10, seconds: 60 });
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
