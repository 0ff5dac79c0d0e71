import { makeCorpus } from '../src/vectors/corpus';
import { knownTruth } from '../src/vectors/dataset';
import { moreQueries, truthQueries } from '../src/vectors/queries';
import { makeRows } from '../src/vectors/rows';
import { passageText, rowText } from '../src/vectors/rowText';
import { corpus, makeSmallDataset, type SmallDataset } from './smallDataset';

describe('rowText', () => {
  it('When a row is made again alone, then it is the same, and no two rows are alike', () => {
    const texts = Array.from({ length: 200 }, (_, row) => rowText(corpus, row));
    expect(rowText(makeCorpus(corpus.documents, []), 137)).toBe(texts[137]);
    expect(new Set(texts).size).toBe(200);
    for (const text of texts) {
      expect(text.split(' ').length).toBeGreaterThanOrEqual(130);
      expect(text.split(' ').length).toBeLessThan(200);
    }
  });

  it('When queries are made, then none is a row, and queries for load differ from those with a known truth', () => {
    const rows = new Set(Array.from({ length: 500 }, (_, row) => rowText(corpus, row)));
    const queries = truthQueries(corpus);
    expect(queries).toHaveLength(201);
    expect(queries.at(-1)).toBe('What was paid in 2015?');
    expect([...queries, passageText(corpus, 0)].filter((query) => rows.has(query))).toEqual([]);
    expect(new Set([...queries, ...moreQueries(corpus, 300)]).size).toBe(new Set(queries).size + 300);
  });
});

describe('a data set', () => {
  let small: SmallDataset;

  beforeEach(async () => {
    small = await makeSmallDataset();
  });

  afterEach(() => small.cleanUp());

  it('When it is made, then it has all rows in their documents, and its truth is exact', async () => {
    const { database, provider, queryVectors, truth } = small.dataset;
    const rows = await database.sql.many<{ id: string; content: string; documents: number }>(
      'SELECT id, content, (SELECT count(*)::integer FROM documents) AS documents FROM document_chunks ORDER BY id',
    );
    const made = await makeRows(corpus, provider, { from: 0, to: 300, perDocument: 3 });
    expect(rows).toEqual(made.map(({ id, content }) => ({ id, content, documents: 100 })));
    const cosine = (a: Float32Array, b: Float32Array) => a.reduce((total, value, n) => total + value * (b[n] ?? 0), 0);
    for (const [query, vector] of queryVectors.entries()) {
      const nearest = made.map(({ embedding }) => cosine(vector, embedding)).sort((a, b) => b - a);
      expect(truth.all[query]).toHaveLength(20);
      for (const [n, similarity] of (truth.all[query] ?? []).entries()) {
        expect(similarity).toBeCloseTo(nearest[n] ?? 0, 5);
      }
      expect(truth['one-percent'][query]).toHaveLength(3);
      expect(truth['one-thousandth'][query]).toHaveLength(3);
    }
  });

  it('When it is complete, then it is found; when it is incomplete, then it is not', async () => {
    const { databaseUrl, database, truth } = small.dataset;
    expect(await knownTruth(databaseUrl, small.dataset)).toEqual(truth);
    await database.sql.none('DROP TABLE bench_set');
    expect(await knownTruth(databaseUrl, small.dataset)).toBeNull();
    const missing = new URL(databaseUrl);
    missing.pathname = '/millrace_no_such_database';
    expect(await knownTruth(missing.toString(), small.dataset)).toBeNull();
  });

  it('When it was made with other texts, then it is refused with the command that removes it', async () => {
    const { databaseUrl, queryVectors } = small.dataset;
    const changed = { ...small.dataset, queryVectors: queryVectors.slice(1) };
    await expect(knownTruth(databaseUrl, changed)).rejects.toThrow('vectors remove');
  });
});
